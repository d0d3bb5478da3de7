// takes: 15 s
// Threads and one TPM: they share it. Who waits for other programs, and waiting that is given up.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
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
const ROUNDS = 5

/** Opens the card and verifies the PIN; then signs with keys of every PIN policy whenever told to; then closes the card. */
const program = `
const { parentPort, workerData } = require('node:worker_threads')
const pin = workerData.pin
const work = async () => {
  const { openCard } = await import(workerData.library)
  const card = await openCard({ name: 'work', home: workerData.home })
  await card.verifyPin(pin)
  return {
    sign: async () => {
      const signatures = []
      for (let at = 0; at < ${ROUNDS}; at += 1) {
        signatures.push(await card.sign('9a', new Uint8Array(10)), await card.sign('9e', new Uint8Array(10)))
        signatures.push(await card.sign('9c', new Uint8Array(10), { pin }), await card.sign('9d', new Uint8Array(10)))
      }
      return signatures.filter(({ length }) => length > 0).length + ' signatures'
    },
    close: () => card.close().then(() => 'closed'),
  }
}
const opening = work()
const say = (text) => parentPort.postMessage(text)
const said = (result) => result.then(say, (error) => say(error.code + ' ' + error.message))
said(opening.then(() => 'open'))
parentPort.on('message', (what) => said(opening.then((card) => card[what]())))
`

const started = new Set<Worker>()
test.after.each(async () => {
  await Promise.all([...started].map((worker) => worker.terminate()))
  started.clear()
})

function thread(home: string): Worker {
  const worker = new Worker(program, { eval: true, workerData: { home, library, pin: PIN } })
  started.add(worker)
  return worker
}

async function answer(worker: Worker): Promise<unknown> {
  const [text] = (await once(worker, 'message')) as unknown[]
  return text
}

/** Tells all threads at once, and returns what each answers. */
function all(threads: readonly Worker[], what?: 'sign' | 'close'): Promise<unknown[]> {
  const answers = threads.map(answer)
  if (what !== undefined) for (const worker of threads) worker.postMessage(what)
  return Promise.all(answers)
}

async function issued(tcti: string): Promise<string> {
  const home = tempDir('home')
  const card = await createCard({ name: 'work', home, tcti, pin: PIN })
  await card.verifyPin(PIN)
  for (const slot of ['9a', '9c', '9d', '9e']) await card.generateKey(slot)
  await card.close()
  return home
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((next) => setImmediate(next))
}

for (const kind of ['swtpm', 'embedded'] as const) {
  test(`${kind}: eight threads with a card open each sign at once, beside the card that this thread has open`, async () => {
    const swtpm = kind === 'swtpm' ? await startSwtpm() : undefined
    const home = await issued(swtpm?.tcti ?? 'embedded:')
    const own = await openCard({ name: 'work', home })
    await own.verifyPin(PIN)
    const threads = Array.from({ length: THREADS }, () => thread(home))
    assert.equal(await all(threads), Array(THREADS).fill('open'))
    const signed = all(threads, 'sign')
    for (let at = 0; at < ROUNDS; at += 1) assert.ok((await own.sign('9a', new Uint8Array(10))).length > 0)
    assert.equal(await signed, Array(THREADS).fill(`${4 * ROUNDS} signatures`))
    assert.equal(await all(threads, 'close'), Array(THREADS).fill('closed'))
    assert.ok((await own.sign('9a', new Uint8Array(10))).length > 0, 'the PIN is still verified here')
    await own.close()
    await swtpm?.stop()
  })

  test(`${kind}: threads that are ended while they sign leave the card of this one as it was`, async () => {
    const swtpm = kind === 'swtpm' ? await startSwtpm() : undefined
    const home = await issued(swtpm?.tcti ?? 'embedded:')
    const own = await openCard({ name: 'work', home })
    await own.verifyPin(PIN)
    for (let round = 0; round < 4; round += 1) {
      const threads = Array.from({ length: 3 }, () => thread(home))
      assert.equal(await all(threads), Array(3).fill('open'))
      for (const worker of threads) worker.postMessage('sign')
      for (let at = 0; at < round; at += 1) await own.sign('9a', new Uint8Array(10))
      await Promise.all(threads.map((worker) => worker.terminate()))
      for (const slot of ['9a', '9d', '9e']) assert.ok((await own.sign(slot, new Uint8Array(10))).length > 0)
    }
    await own.close()
    await swtpm?.stop()
  })
}

test('a wait for a TPM that another program has is given up at once, and nothing is left of it', async () => {
  const swtpm = await startSwtpm()
  const home = await issued(swtpm.tcti)
  const holder = connect(swtpm.path) // swtpm serves the first
  await once(holder, 'connect')
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
  holder.destroy()
  const card = await openCard({ name: 'work', home, signal: new AbortController().signal })
  await card.verifyPin(PIN)
  await card.close()
  assert.equal(
    (await listCards({ home, filesOnly: true })).map(({ name }) => name),
    ['work'],
  )
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
