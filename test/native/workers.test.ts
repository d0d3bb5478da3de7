// takes: 12 s
// worker_threads: one embedded TPM for all of them, a swtpm for each, and threads that are stopped at any moment.
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startProxy } from '../support/proxy.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir, within } from '../support/temp.ts'
import { create, eccKey } from '../support/templates.ts'
import { concat, hex, u32 } from '../support/wire.ts'
import { KEEPS_MAKING_KEYS, said, thread } from './support/elsewhere.ts'
import { call, leftovers, openTpm, pw, random, storageKey } from './support/rig.ts'

const stateFile = () => join(tempDir('state'), 'state')
const ROUNDS = process.env.TESSERA_TEST_LONG === '1' ? 500 : 20

const COUNTS = `
  const tpm = await open(given.tcti, given.state)
  for (let i = 0; i < given.rounds; i++) await tpm.run([random, random])
  const { GetRandom } = tpm.counters()
  await tpm.close()
  say('done ' + GetRandom)`

/** Uses the TPM in every way at once, until it is stopped. */
const BUSY = `
  const tpm = await open(given.tcti, given.state)
  say('open')
  for (;;) await Promise.all([
    tpm.run([random, random]), tpm.startSession({ policy: true }).catch(() => undefined), tpm.transmit(Uint8Array.of(0)).catch(() => undefined),
    open('swtpm:path=/nowhere').catch(() => undefined), tpm.run([random])])`

test('four threads share the embedded TPM', async () => {
  const state = stateFile()
  const own = await openTpm('embedded:', { stateFile: state })
  const workers = Array.from({ length: 4 }, () => thread(COUNTS, { tcti: 'embedded:', state, rounds: 200 }))
  const words = workers.map(said)
  for (let i = 0; i < 200; i += 1) await own.run([random(8)])
  assert.equal(await Promise.all(words), Array(4).fill('done 400'))
  assert.is(own.counters().GetRandom, 200, 'counters are those of one connection')
  await Promise.all(workers.map((worker) => worker.terminate()))
  await own.close()
})

test('three threads with a swtpm each', async () => {
  const swtpms = await Promise.all([startSwtpm(), startSwtpm(), startSwtpm()])
  const workers = swtpms.map(({ tcti }) => thread(COUNTS, { tcti, state: '', rounds: 200 }))
  assert.equal(await Promise.all(workers.map(said)), Array(3).fill('done 400'))
  await Promise.all(workers.map((worker) => worker.terminate()))
  for (const swtpm of swtpms) await swtpm.stop()
})

test('a thread that opened the embedded TPM first may go first', async () => {
  const state = stateFile()
  const first = thread(
    `const tpm = await open('embedded:', given.state); say('open'); parentPort.on('message', () => {})`,
    {
      state,
    },
  )
  await said(first)
  const own = await openTpm('embedded:', { stateFile: state })
  await first.terminate()
  assert.is((await own.run([random(8)])).length, 1)
  await own.close()
})

test('keys made in two threads at once', async () => {
  const state = stateFile()
  const own = await openTpm('embedded:', { stateFile: state })
  const other = thread(`const tpm = await open('embedded:', given.state); ${KEEPS_MAKING_KEYS}`, { state })
  assert.is(await said(other), 'busy')
  const key = await storageKey(own)
  await call(own, 'Create', { handles: [key.handle], auths: [pw()], params: create(eccKey()) })
  await other.terminate()
  await call(own, 'Create', { handles: [key.handle], auths: [pw()], params: create(eccKey()) })
  await own.close()
})

test(`${3 * ROUNDS} threads stopped at any moment: the embedded TPM goes on, and nothing of theirs is left`, async () => {
  const state = stateFile()
  const own = await openTpm('embedded:', { stateFile: state })
  const listing = concat(u32(1), u32(0x02000000), u32(64))
  const before = hex((await call(own, 'GetCapability', { params: listing })).rest())
  for (let round = 0; round < ROUNDS; round += 1) {
    const workers = Array.from({ length: 3 }, () => thread(BUSY, { tcti: 'embedded:', state }))
    assert.equal(await Promise.all(workers.map(said)), Array(3).fill('open'))
    for (let i = 0; i < round % 7; i += 1) await own.run([random(8)])
    await within(Promise.all(workers.map((worker) => worker.terminate())), 120_000, 'a thread does not stop')
  }
  assert.is((await own.run([random(8)])).length, 1)
  assert.is(hex((await call(own, 'GetCapability', { params: listing })).rest()), before)
  await own.close()
})

test('a thread stopped while the TPM makes a key for it', async () => {
  const swtpm = await startSwtpm()
  const state = stateFile()
  for (const [tcti, stateOf] of [
    ['embedded:', state],
    [swtpm.tcti, ''],
  ] as const) {
    const worker = thread(`const tpm = await open(given.tcti, given.state); ${KEEPS_MAKING_KEYS}`, {
      tcti,
      state: stateOf,
    })
    assert.is(await said(worker), 'busy')
    await within(worker.terminate(), 120_000, 'the thread does not stop')
    const own = await openTpm(tcti, { stateFile: stateOf })
    await call(own, 'ReadPublic', { handles: [(await storageKey(own)).handle] })
    await own.close()
  }
  await swtpm.stop()
})

test('a thread stopped while its TPM says nothing, and while it waits for a TPM', async () => {
  const swtpm = await startSwtpm()
  const proxy = await startProxy(swtpm.path)
  proxy.hooks.onAnswer = ({ name }) => (name === 'GetRandom' ? new Promise(() => {}) : undefined)
  const stalled = thread(
    `const tpm = await open(given.tcti); const none = tpm.run([random]); say('sent'); await none`,
    {
      tcti: proxy.tcti,
    },
  )
  assert.is(await said(stalled), 'sent')
  await within(stalled.terminate(), 120_000, 'the thread does not stop')

  const waits = thread(`const opening = open(given.tcti, '', 600000); say('waits'); await opening`, {
    tcti: swtpm.tcti,
  })
  assert.is(await said(waits), 'waits') // the proxy holds the only place
  await within(waits.terminate(), 120_000, 'the thread does not stop')
  proxy.hooks = {}
  const own = await openTpm(proxy.tcti)
  assert.equal(await leftovers(proxy), [])
  await call(own, 'ReadPublic', { handles: [(await storageKey(own)).handle] })
  await own.close()
  await proxy.stop()
  await swtpm.stop()
})

test.run()
