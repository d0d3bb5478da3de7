// takes: 6 s
// The end of a process with TPMs open and work in flight: exit code 0, no hang, no crash, and what is left is sound.
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startProxy } from '../support/proxy.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { gate, tempDir } from '../support/temp.ts'
import { childProcess, type Given, inProcess, KEEPS_MAKING_KEYS, said, thread } from './support/elsewhere.ts'
import { call, leftovers, openTpm, random, storageKey } from './support/rig.ts'

/** Longer than any exit takes on a busy machine, and shorter than every wait of a TPM call (30 s). */
const BOUND_MS = 15_000

/** `when`: one that ends with `TOLD_TO_EXIT` is told then, once it has said that it is ready. */
async function exits(body: string, given: Given, lines: readonly string[], when?: Promise<void>): Promise<void> {
  const { child, ended: end } = childProcess(body, given)
  if (when !== undefined) {
    const ready = child.stdout === null ? undefined : once(child.stdout, 'data')
    await Promise.race([end, Promise.all([ready, when])])
    child.stdin?.write('exit')
  }
  const ended = await end
  assert.equal([ended.signal, ended.code, ended.lines], [null, 0, lines])
  assert.ok(ended.milliseconds < BOUND_MS, `${ended.milliseconds} ms`)
}

const stateFile = () => join(tempDir('state'), 'state')
const OPEN = `const tpm = await open(given.tcti, given.state)`
const EXIT = `setImmediate(() => process.exit(0))`
const TOLD_TO_EXIT = `say('ready'); process.stdin.once('data', () => process.exit(0))`

/** The same state serves the next process. */
async function stateIsSound(state: string): Promise<void> {
  const tpm = await openTpm('embedded:', { stateFile: state, createState: false })
  assert.is((await storageKey(tpm)).area.length > 0, true)
  await tpm.close()
}

test('nothing left to do: an open TPM keeps no process alive', async () => {
  const swtpm = await startSwtpm()
  const state = stateFile()
  const sessions = `await tpm.run([random]); await tpm.startSession({ policy: true }); say('idle')`
  await exits(`${OPEN}; ${sessions}`, { tcti: swtpm.tcti, state: '' }, ['idle'])
  await exits(`${OPEN}; ${sessions}`, { tcti: 'embedded:', state }, ['idle'])
  await stateIsSound(state)
  const proxy = await startProxy(swtpm.path)
  assert.equal(await leftovers(proxy), [], 'flushed on the way out')
  await proxy.stop()
  await swtpm.stop()
})

test('work under way keeps a process alive until it is done', async () => {
  const body = `${OPEN}; tpm.run(Array(64).fill(random)).then((all) => say('got ' + all.length))`
  await exits(body, { tcti: 'embedded:', state: stateFile() }, ['got 64'])
})

test('process.exit while a key is made', async () => {
  const swtpm = await startSwtpm()
  const state = stateFile()
  const body = `${OPEN}; ${KEEPS_MAKING_KEYS}`
  await exits(body, { tcti: 'embedded:', state, exit: 1 }, ['busy'])
  await stateIsSound(state)
  await exits(body, { tcti: swtpm.tcti, state: '', exit: 1 }, ['busy'])
  const tpm = await openTpm(swtpm.tcti)
  assert.is((await tpm.run([random(8)])).length, 1)
  await tpm.close()
  await swtpm.stop()
})

test('process.exit with work queued for three TPMs and nobody waiting', async () => {
  const swtpms = [await startSwtpm(), await startSwtpm()]
  const body = `
    const tpms = [await open(given.one), await open(given.two), await open('embedded:', given.state)]
    for (const tpm of tpms) for (let i = 0; i < 50; i++) tpm.run([random, random]).catch(() => undefined)
    ${EXIT}`
  await exits(body, { one: swtpms[0]?.tcti ?? '', two: swtpms[1]?.tcti ?? '', state: stateFile() }, [])
  for (const swtpm of swtpms) await swtpm.stop()
})

test('process.exit while a TPM says nothing: to a command, to the flushing at the end, to the first octet', async () => {
  const swtpm = await startSwtpm()
  const proxy = await startProxy(swtpm.path)
  const given = { tcti: proxy.tcti, state: '' }
  for (const silent of ['GetRandom', 'FlushContext', 'Startup']) {
    const asked = gate()
    proxy.hooks.onAnswer = ({ name }) => {
      if (name !== silent) return undefined
      asked.open()
      return new Promise(() => {})
    }
    if (silent === 'FlushContext') asked.open() // which is asked for at the exit
    const opening = `const opening = ${silent === 'Startup' ? "open(given.tcti, '', 600000)" : 'open(given.tcti)'}`
    const body = {
      GetRandom: `const tpm = await opening; tpm.run([random])`,
      FlushContext: `const tpm = await opening; await tpm.startSession({ policy: true })`,
      Startup: '',
    }[silent]
    await exits(`${opening}; ${body}; ${TOLD_TO_EXIT}`, given, ['ready'], asked.promise)
  }
  proxy.hooks = {}
  await proxy.stop()
  await swtpm.stop()
})

test('process.exit while it waits for a TPM that somebody else holds', async () => {
  const swtpm = await startSwtpm()
  const holder = await openTpm(swtpm.tcti)
  const waits = `open(given.tcti, given.state, 600000); setTimeout(() => process.exit(0), 100)`
  await exits(waits, { tcti: swtpm.tcti, state: '' }, [])
  await holder.close()
  await swtpm.stop()

  const state = stateFile()
  const embedded = await openTpm('embedded:', { stateFile: state })
  await exits(waits, { tcti: 'embedded:', state }, [])
  await embedded.close()
})

test('process.exit with a thread that is at work, and one that waits', async () => {
  const state = stateFile()
  const swtpm = await startSwtpm()
  const holder = await openTpm(swtpm.tcti)
  const body = `
    const { Worker } = require('node:worker_threads')
    const inner = (code) => new Worker('const given = ' + JSON.stringify(given) + '; const native = require(given.addon); (' + code + ')()', { eval: true })
    const making = inner(async () => {
      const tpm = await native.openTpm({ tcti: 'embedded:', stateFile: given.state, createState: true, waitMs: 5000 })
      await tpm.run([{ command: 0x17b, handles: [], names: [], auths: [], params: Uint8Array.of(0, 8) }])
      require('node:worker_threads').parentPort.postMessage('at work')
      for (;;) await tpm.run([{ command: 0x17b, handles: [], names: [], auths: [], params: Uint8Array.of(0, 8) }])
    })
    const waiting = inner(async () => {
      const opening = native.openTpm({ tcti: given.tcti, stateFile: '', createState: false, waitMs: 600000 })
      require('node:worker_threads').parentPort.postMessage('waits')
      await opening
    })
    const { once } = require('node:events')
    Promise.all([once(making, 'message'), once(waiting, 'message')]).then(() => process.exit(0))`
  const addon = new URL('../../native/build/Release/tessera.node', import.meta.url).pathname
  await exits(body, { state, tcti: swtpm.tcti, addon }, [])
  await holder.close()
  await swtpm.stop()
  await stateIsSound(state)
})

test('process.exit in the very callback of a command, of opening and of closing; in a thread too', async () => {
  const given = () => ({ tcti: 'embedded:', state: stateFile() })
  await exits(`${OPEN}; process.exit(0)`, given(), [])
  await exits(`${OPEN}; await tpm.run([random]); tpm.run([random]); process.exit(0)`, given(), [])
  const late = 'tpm.run([random]).catch(() => process.exit(0))'
  await exits(`${OPEN}; tpm.run([random]).catch(() => {}); await tpm.close(); ${late}`, given(), [])
  const swtpm = await startSwtpm()
  const body = `${OPEN}; tpm.run([random]); await tpm.run([random]); say('now'); process.exit(0)`
  for (const options of [given(), { tcti: swtpm.tcti, state: '' }]) {
    const worker = thread(body, options)
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    assert.is(await said(worker), 'now')
    assert.is(await ended, 0)
  }
  await swtpm.stop()
})

test('an exception that nobody catches ends a process as always', async () => {
  const body = `${OPEN}; tpm.run([random]); setImmediate(() => { throw new Error('mine') })`
  const ended = await inProcess(body, { tcti: 'embedded:', state: stateFile() })
  assert.equal([ended.signal, ended.code], [null, 1])
  assert.ok(ended.lines.some((line) => line === 'Error: mine'))
})

test('a killed process leaves the embedded TPM to the next one', async () => {
  const state = stateFile()
  const { child, ended } = childProcess(`${OPEN}; say('open'); setInterval(() => {}, 1000)`, {
    tcti: 'embedded:',
    state,
  })
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  const busy = await openTpm('embedded:', { stateFile: state, waitMs: 0 }).catch((error) => error)
  assert.is(busy.reason, 'busy')
  assert.match(busy.message, new RegExp(`Another process \\(${child.pid}\\) holds the embedded TPM`))
  const waiting = openTpm('embedded:', { stateFile: state })
  child.kill('SIGKILL')
  await ended
  const tpm = await waiting
  assert.is((await call(tpm, 'GetRandom', { params: Uint8Array.of(0, 8) })).u16(), 8)
  await tpm.close()
})

test.run()
