// takes: 6 s
// The native half: worker threads that are ended in the middle of everything, a machine without the library, waits that
// do not keep a process alive or hold it up.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PcscError } from '../../src/errors.ts'
import { native } from '../../src/native.ts'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { gate, within } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { plainCard, seen } from './cards.ts'

let pcscd: Pcscd
let inserted: Inserted
const LIMIT_MS = 120_000
const addon = new URL('../../native/build/Release/tessera.node', import.meta.url).pathname

test.before(async () => {
  pcscd = await startPcscd()
  inserted = await insertCard(pcscd.ports[0], plainCard())
  await seen(pcscd.readers[0], true)
})
test.after(async () => {
  await inserted?.pull()
  await pcscd?.stop()
})

/** A program over the addon alone: `native` and `reader` are there. */
const program = (body: string) => `
  const native = require(${JSON.stringify(addon)})
  const reader = ${JSON.stringify(pcscd.readers[0])}
  const connection = new native.PcscConnection()
  const ready = (text) => { if (require('node:worker_threads').parentPort) require('node:worker_threads').parentPort.postMessage(text); else console.log(text) }
  ;(async () => { ${body} })()
`

const STATES = {
  watching: `new native.PcscMonitor(() => ready('ready'))`,
  connected: `await connection.connect(reader, 2, 3); ready('ready'); setInterval(() => {}, 1000)`,
  'in a transaction': `await connection.connect(reader, 2, 3); await connection.begin(); ready('ready'); setInterval(() => {}, 1000)`,
  'waiting for another program': `connection.connect(reader, 2, 3).catch(() => {}); ready('ready')`,
} as const

for (const [state, body] of Object.entries(STATES)) {
  test(`a worker is ended: ${state}`, async () => {
    const holder = await ReaderChannel.open(pcscd.readers[0])
    const held = gate()
    const started = gate()
    const holding =
      state === 'waiting for another program'
        ? holder.transaction(() => {
            started.open()
            return held.promise
          })
        : undefined
    if (holding !== undefined) await started.promise
    const worker = new Worker(program(body), { eval: true })
    await within(once(worker, 'message'), LIMIT_MS, 'the worker says nothing')
    await within(worker.terminate(), LIMIT_MS, 'the worker does not end')
    held.open()
    await holding
    // pcscd resets the card of a program that died, and may do so after our transaction has begun.
    const use = async (again: number): Promise<unknown> =>
      holder
        .transaction((transmit) => transmit(Uint8Array.of(0, 0xf0, 0, 0)))
        .catch((error: unknown) => {
          const reset = error instanceof PcscError && error.code === 'ERR_CARD_RESET'
          if (reset && again > 0) return use(again - 1)
          throw error
        })
    await use(5) // it comes when it comes, and each of our transactions may be hit
    await holder.close()
  })

  test(`a process ends: ${state}`, async () => {
    const child = spawn(process.execPath, ['-e', program(body)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exit = once(child, 'exit')
    await within(once(child.stdout, 'data'), LIMIT_MS, 'the process says nothing')
    child.kill('SIGTERM')
    assert.equal(await within(exit, LIMIT_MS, 'the process does not end'), [null, 'SIGTERM'])
  })
}

test('a process that has nothing more to do ends, connected as it is', async () => {
  const child = spawn(process.execPath, ['-e', program('await connection.connect(reader, 2, 3); ready("ready")')])
  assert.equal(await within(once(child, 'exit'), LIMIT_MS, 'the process does not end'), [0, null])
})

test('a frozen pcscd holds up nobody: calls are given up, and the process ends', async () => {
  process.kill(pcscd.pid, 'SIGSTOP')
  try {
    const body = `const work = connection.connect(reader, 2, 3).catch((e) => console.log(e.layer, e.rc.toString(16)))
      new native.PcscMonitor(() => {}).close()
      setTimeout(() => connection.cancel(), 100); await work; process.exit(7)`
    const child = spawn(process.execPath, ['-e', program(body)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [[text], [code]] = await within(
      Promise.all([once(child.stdout, 'data'), once(child, 'exit')]),
      LIMIT_MS,
      'the process does not end',
    )
    assert.is(String(text).trim(), 'closed 80100002')
    assert.is(code, 7)
  } finally {
    process.kill(pcscd.pid, 'SIGCONT')
  }
})

test('what is no argument is a TypeError', () => {
  const { PcscConnection, PcscMonitor } = native()
  const connection = new PcscConnection()
  const call =
    (name: string, ...given: unknown[]) =>
    () =>
      Reflect.apply(Reflect.get(connection, name), connection, given)
  for (const wrong of [undefined, null, 'text', {}, [], new Uint16Array(2), new Uint8Array(70_000)]) {
    assert.throws(call('transmit', wrong), (error: unknown) => error instanceof TypeError)
    assert.throws(call('control', 1, wrong), (error: unknown) => error instanceof TypeError)
  }
  for (const wrong of [undefined, -1, 1.5, Number.NaN, 2 ** 32, '1']) {
    assert.throws(call('attribute', wrong), (error: unknown) => error instanceof TypeError)
    assert.throws(call('connect', 'reader', wrong, 3), (error: unknown) => error instanceof TypeError)
  }
  assert.throws(call('connect', 5, 2, 3), (error: unknown) => error instanceof TypeError)
  assert.throws(call('connect', 'a\0b', 2, 3), (error: unknown) => error instanceof TypeError)
  assert.throws(
    () => Reflect.construct(PcscMonitor, [5]),
    (error: unknown) => error instanceof TypeError,
  )
})

test.run()
