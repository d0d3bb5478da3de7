// takes: 8 s
// The event loop is never blocked, and one process talks to several TPMs at once.
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NativeTpm } from '../../src/native.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { NV, nvPublic, nvWrite, RH } from '../support/templates.ts'
import { ascii, concat, EMPTY, u16 } from '../support/wire.ts'
import {
  asCommand,
  call,
  failureOf,
  kindOf,
  openTpm,
  pw,
  random,
  SLOW_KEY,
  startRig,
  storageKey,
} from './support/rig.ts'

const INDEX = 0x01800100
const embedded = (name = 'state') => openTpm('embedded:', { stateFile: join(tempDir('state'), name) })

/** How often a timer of 1 ms and the poll phase came round while `work` ran. */
async function ticksDuring(work: () => Promise<unknown>): Promise<{ timers: number; turns: number }> {
  const ticks = { timers: 0, turns: 0 }
  const timer = setInterval(() => {
    ticks.timers += 1
  }, 1)
  let running = true
  const turn = () => {
    ticks.turns += 1
    if (running) setImmediate(turn)
  }
  setImmediate(turn)
  await work()
  running = false
  clearInterval(timer)
  return ticks
}

for (const [kind, open] of Object.entries({ embedded, swtpm: async () => openTpm((await startSwtpm()).tcti) })) {
  test(`timers go on while an RSA-3072 key is made: ${kind}`, async () => {
    const tpm = await open()
    const key = await storageKey(tpm)
    const make = () => call(tpm, 'Create', { handles: [key.handle], auths: [pw()], params: SLOW_KEY })
    const { timers, turns } = await ticksDuring(make)
    assert.ok(timers > 0, `${timers} timers, ${turns} turns`)
    assert.ok(turns > 1, `${timers} timers, ${turns} turns`)
    await tpm.close()
  })
}

test('timers go on while a TPM is manufactured', async () => {
  let tpm: NativeTpm | undefined
  const { turns } = await ticksDuring(async () => {
    tpm = await embedded()
  })
  assert.ok(turns > 1, `${turns} turns`)
  await tpm?.close()
})

test('two swtpm and the embedded TPM at once, each with what was put there', async () => {
  const swtpms = [await startSwtpm(), await startSwtpm({ tcp: true })]
  const tpms = [...(await Promise.all(swtpms.map(({ tcti }) => openTpm(tcti)))), await embedded()]
  const attributes = NV.ownerWrite | NV.ownerRead
  await Promise.all(
    tpms.map(async (tpm, i) => {
      const params = concat(EMPTY, nvPublic(INDEX, attributes))
      await call(tpm, 'NV_DefineSpace', { handles: [RH.owner], auths: [pw()], params })
      const write = { handles: [RH.owner, INDEX], auths: [pw()], params: nvWrite(ascii(`tpm ${i}...`)) }
      await call(tpm, 'NV_Write', write)
    }),
  )
  const rounds = await Promise.all(
    tpms.map(async (tpm) => {
      const read = { handles: [RH.owner, INDEX], auths: [pw()], params: concat(u16(8), u16(0)) }
      const found = new Set<string>()
      for (let i = 0; i < 100; i += 1) {
        found.add(new TextDecoder().decode((await call(tpm, 'NV_Read', read)).tpm2b()))
      }
      return [...found]
    }),
  )
  assert.equal(rounds, [['tpm 0...'], ['tpm 1...'], ['tpm 2...']])
  assert.equal(
    tpms.map((tpm) => tpm.counters().NV_Read),
    [100, 100, 100],
  )
  assert.equal(
    tpms.map((tpm) => (tpm.counters().stateWrites ?? 0) > 0),
    [false, false, true],
  )
  for (const tpm of tpms) await tpm.close()
  for (const swtpm of swtpms) await swtpm.stop()
})

test('a slow TPM does not hold up a quick one', async () => {
  const { tpm: stalled, proxy, stop } = await startRig()
  const other = await embedded()
  let release = () => {}
  proxy.hooks.onAnswer = () =>
    new Promise<undefined>((resolve) => {
      release = () => resolve(undefined)
    })
  const waiting = stalled.run([random(8)])
  for (let i = 0; i < 50; i += 1) await other.run([random(8)])
  proxy.hooks.onAnswer = () => undefined
  release()
  assert.is((await waiting).length, 1)
  await other.close()
  await stop()
})

test('commands of one TPM run in the order of asking, and one batch is not torn apart', async () => {
  const { tpm, proxy, stop } = await startRig()
  proxy.clear()
  const batches = Array.from({ length: 20 }, (_, i) => tpm.run([random(i + 1), random(i + 21)]))
  const sizes = (await Promise.all(batches)).flat().map((octets) => octets.length - 2)
  assert.equal(sizes, Array.from({ length: 20 }, (_, i) => [i + 1, i + 21]).flat())
  assert.equal(
    proxy.wire.map(({ command }) => command[11]),
    sizes,
  )
  await stop()
})

test('the first failure ends a batch, and says which command it was', async () => {
  const { tpm, proxy, stop } = await startRig()
  proxy.clear()
  const bad = asCommand('ReadPublic', { handles: [0x80000000] })
  const failure = await failureOf(tpm.run([random(8), bad, random(9)]))
  assert.equal([failure.layer, failure.command], ['tpm', 'ReadPublic'])
  assert.equal(proxy.names(), ['GetRandom', 'ReadPublic'])
  await stop()
})

test('a second home while one embedded TPM is open', async () => {
  const first = await embedded('one')
  const busy = await failureOf(embedded('two'))
  assert.equal([busy.layer, busy.reason], ['tcti', 'busy'])
  assert.match(busy.message, /libtpms is one TPM per process/)
  await first.close()
  await (await embedded('two')).close()
  assert.is(await kindOf(first.run([random(8)])), 'closed/')
})

test.run()
