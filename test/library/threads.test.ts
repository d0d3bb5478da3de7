// takes: 10 s
// Threads and one TPM: who waits for whom, and waiting that is given up.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createCard, listCards, openCard } from '../../src/index.ts'
import { deviceInUse } from '../../src/tpm/devices.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { PIN } from './bench.ts'

const library = new URL('../../dist/index.js', import.meta.url).href
const THREADS = 8

/** Opens the card, verifies the PIN, signs five times and closes the card. */
const program = `
const { parentPort, workerData } = require('node:worker_threads')
const opened = async (openCard) => {
  for (;;) {
    try {
      return await openCard({ name: 'work', home: workerData.home })
    } catch (error) {
      // A wait has an end, and a machine may be slow: again.
      if (error.code !== 'ERR_TPM_BUSY' && error.code !== 'ERR_TPM_TIMEOUT') throw error
    }
  }
}
const work = async () => {
  const { openCard } = await import(workerData.library)
  const card = await opened(openCard)
  try {
    await card.verifyPin(workerData.pin)
    let octets = 0
    for (let at = 0; at < 5; at += 1) octets += (await card.sign('9a', new Uint8Array(10))).length
    return octets > 0 ? 'signed' : 'nothing'
  } finally {
    await card.close()
  }
}
parentPort.on('message', () => work().then((text) => parentPort.postMessage(text), (error) => parentPort.postMessage(error.code + ' ' + error.message)))
parentPort.postMessage('ready')
`

async function thread(home: string): Promise<Worker> {
  const worker = new Worker(program, { eval: true, workerData: { home, library, pin: PIN } })
  await once(worker, 'message')
  return worker
}

async function answer(worker: Worker): Promise<unknown> {
  const [text] = (await once(worker, 'message')) as unknown[]
  return text
}

async function issued(tcti: string): Promise<string> {
  const home = tempDir('home')
  const card = await createCard({ name: 'work', home, tcti, pin: PIN })
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.close()
  return home
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((next) => setImmediate(next))
}

async function ended(threads: readonly Worker[]): Promise<void> {
  await Promise.all(threads.map((worker) => worker.terminate()))
}

test('swtpm: eight threads at once, each with a card of its own, sign one after the other', async () => {
  const swtpm = await startSwtpm()
  const home = await issued(swtpm.tcti)
  const threads = await Promise.all(Array.from({ length: THREADS }, () => thread(home)))
  const answers = threads.map(answer)
  for (const worker of threads) worker.postMessage('go')
  assert.equal(await Promise.all(answers), Array(THREADS).fill('signed'))
  await ended(threads)
  await swtpm.stop()
})

test('embedded: eight threads, one after the other, beside a thread that has the card open and signs', async () => {
  const home = await issued('embedded:')
  const own = await openCard({ name: 'work', home })
  await own.verifyPin(PIN)
  const threads = await Promise.all(Array.from({ length: THREADS }, () => thread(home)))
  for (const worker of threads) {
    const answered = answer(worker)
    worker.postMessage('go')
    assert.is(await answered, 'signed')
    assert.ok((await own.sign('9a', new Uint8Array(10))).length > 0)
  }
  await own.close()
  await ended(threads)
})

test('a wait for a TPM that another thread has is given up at once, and nothing is left of it', async () => {
  const swtpm = await startSwtpm()
  const home = await issued(swtpm.tcti)
  const holder = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.library).then(async ({ openCard }) => {
      const card = await openCard({ name: 'work', home: workerData.home })
      parentPort.once('message', async () => { await card.close(); parentPort.postMessage('closed') })
      parentPort.postMessage('open')
    })`,
    { eval: true, workerData: { home, library } },
  )
  await once(holder, 'message')
  const reason = new Error('no longer wanted')
  for (const begin of [
    (signal: AbortSignal) => openCard({ name: 'work', home, signal }),
    (signal: AbortSignal) => createCard({ name: 'next', home, tcti: swtpm.tcti, pin: PIN, signal }),
  ]) {
    const stop = new AbortController()
    const waiting = begin(stop.signal).catch((error: unknown) => error)
    await until(() => deviceInUse({ tcti: swtpm.tcti, stateFile: '', createState: false }) !== undefined)
    stop.abort(reason)
    assert.is(await waiting, reason)
    assert.is(await begin(stop.signal).catch((error: unknown) => error), reason, 'not even begun')
  }
  const closed = once(holder, 'message')
  holder.postMessage('close')
  await closed
  const card = await openCard({ name: 'work', home, signal: new AbortController().signal })
  await card.verifyPin(PIN)
  await card.close()
  assert.equal(
    (await listCards({ home, filesOnly: true })).map(({ name }) => name),
    ['work'],
  )
  await ended([holder])
  await swtpm.stop()
})

test('a card that is made while its creation is given up is destroyed again', async () => {
  const home = tempDir('home')
  const stop = new AbortController()
  const options = { name: 'work', home, tcti: 'embedded:', pin: PIN, signal: stop.signal }
  const made = createCard(options).catch((error: unknown) => error)
  await until(() => existsSync(join(home, 'cards', 'work.journal')))
  stop.abort(new Error('stopped'))
  assert.match(String(await made), 'stopped')
  assert.equal(await listCards({ home, filesOnly: true }), [])
  await (await createCard({ name: 'work', home, tcti: 'embedded:', pin: PIN })).close()
})

test.run()
