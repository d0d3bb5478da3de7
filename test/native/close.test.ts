// takes: 6 s
// close(): what runs, what waits, what comes later, a TPM that says nothing, and an object that nobody closed.

import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { gate, tempDir, within } from '../support/temp.ts'
import {
  call,
  failureOf,
  kindOf,
  leftovers,
  openTpm,
  pw,
  random,
  SLOW_KEY,
  salted,
  startRig,
  storageKey,
} from './support/rig.ts'

const embedded = () => openTpm('embedded:', { stateFile: join(tempDir('state'), 'state') })
const bounded = <T>(work: Promise<T>): Promise<T> => within(work, 120_000, 'close() does not come back')

/** A rig whose TPM has the command of this name and says nothing more; `reached` when it has it. */
async function stalledAt(command: string) {
  const rig = await startRig()
  const reached = gate()
  const stall = () => {
    rig.proxy.hooks.onAnswer = ({ name }) => {
      if (name !== command) return undefined
      reached.open()
      return new Promise(() => {})
    }
  }
  return { ...rig, stall, reached: reached.promise }
}

test('what runs ends, what waits is refused, and closing comes to an end', async () => {
  for (const open of [embedded, async () => (await startRig()).tpm]) {
    const tpm = await open()
    const key = await storageKey(tpm)
    const running = call(tpm, 'Create', { handles: [key.handle], auths: [pw()], params: SLOW_KEY })
    const ended = running.then(
      () => 'done',
      (error) => `${error.layer}/`,
    )
    const waiting = [tpm.run([random(8)]), tpm.startSession({ policy: true }), tpm.transmit(new Uint8Array(12))]
    const kinds = Promise.all(waiting.map(kindOf))
    await bounded(tpm.close())
    // had its moment; a slow TPM is left to itself after that
    assert.ok(['done', 'closed/'].includes(await ended), await ended)
    assert.equal(await kinds, ['closed/', 'closed/', 'closed/'])
  }
})

test('use after close', async () => {
  const { tpm, proxy, stop } = await startRig()
  await tpm.close()
  proxy.clear()
  assert.is(await kindOf(tpm.run([random(8)])), 'closed/')
  assert.is(await kindOf(tpm.run([])), 'closed/')
  assert.is(await kindOf(tpm.startSession({ policy: false })), 'closed/')
  assert.is(await kindOf(tpm.transmit(new Uint8Array(12))), 'closed/')
  assert.equal(tpm.counters(), {})
  assert.is(tpm.nonceTpm(0x03000000).length, 0)
  assert.match((await failureOf(tpm.run([]))).message, /was closed while this call waited\. Open the card again/)
  assert.is(proxy.total(), 0)
  await stop()
})

test('closing twice, at once and later, and right after opening', async () => {
  const { tpm, proxy, stop } = await startRig()
  await bounded(Promise.all([tpm.close(), tpm.close(), tpm.close()]))
  await bounded(tpm.close())
  for (let i = 0; i < 20; i += 1) {
    const next = await openTpm(proxy.tcti)
    const used = next.run([random(8)]).catch((error) => error.layer)
    await bounded(Promise.all([next.close(), next.close()]))
    await used
    await bounded(next.close())
  }
  await stop()
})

test('sessions and objects go when a TPM is closed', async () => {
  const { tpm, proxy, stop } = await startRig()
  const key = await storageKey(tpm)
  await salted(tpm, key)
  await tpm.startSession({ policy: true })
  assert.is((await leftovers(proxy)).length, 3)
  await tpm.close()
  assert.equal(await leftovers(proxy), [])
  await stop()
})

test('a TPM that says nothing: the call is refused, and closing comes back', async () => {
  const { tpm, proxy, stall, reached, stop } = await stalledAt('GetRandom')
  stall()
  const running = kindOf(tpm.run([random(8), random(9)]))
  await reached
  const waiting = kindOf(tpm.run([random(10)]))
  await bounded(tpm.close())
  assert.equal([await running, await waiting], ['closed/', 'closed/'])
  assert.is(proxy.counts().GetRandom, 1)
  await stop()
})

test('a TPM that says nothing to the flushing at the end', async () => {
  const { tpm, proxy, stall, reached, stop } = await stalledAt('FlushContext')
  await storageKey(tpm)
  await tpm.startSession({ policy: true })
  await tpm.startSession({ policy: true })
  stall()
  const closing = bounded(tpm.close())
  await reached
  await closing
  proxy.hooks.onAnswer = () => undefined
  proxy.disconnect()
  await (await openTpm(proxy.tcti)).close()
  assert.equal(await leftovers(proxy), [], 'the next connection flushes them')
  await stop()
})

test('a TPM that takes no more octets', async () => {
  const { tpm, proxy, stop } = await startRig()
  proxy.hooks.onCommand = () => new Promise(() => {})
  const running = kindOf(tpm.transmit(Uint8Array.of(0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8)))
  await bounded(tpm.close())
  assert.is(await running, 'closed/')
  proxy.disconnect()
  await stop()
})

test('an object that nobody closed: its thread ends and its sessions go with it', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { tpm, proxy, stop } = await startRig()
  await tpm.close()
  const abandon = async () => {
    const forgotten = await openTpm(proxy.tcti)
    await forgotten.startSession({ policy: true })
  }
  await abandon()
  assert.is((await leftovers(proxy)).length, 1)
  const flushed = gate()
  proxy.hooks.onAnswer = ({ name }) => (name === 'FlushContext' ? void setImmediate(flushed.open) : undefined)
  const timer = setInterval(collect, 10)
  await within(flushed.promise, 120_000, 'it is not collected')
  clearInterval(timer)
  assert.equal(await leftovers(proxy), [])
  await stop()
})

test.run()
