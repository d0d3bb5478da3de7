// Several processes on one card: no update lost, no waiting without end, and nothing in the way of who comes after a kill.
// takes: 15 s
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type CardError, FileError } from '../../src/errors.ts'
import { Home } from '../../src/home/home.ts'
import { native } from '../../src/native.ts'
import type { CardFile } from '../../src/tpm/store/card-file.ts'
import { Journal } from '../../src/tpm/store/journal.ts'
import { CardStore } from '../../src/tpm/store/store.ts'
import { tempDir } from '../support/temp.ts'
import { sampleCard, sampleEntry } from './support/cards.ts'
import { beside, killAll } from './support/processes.ts'

async function fixture(wait = 10_000) {
  const home = new Home(tempDir('store'))
  const { lockFile } = native()
  const store = new CardStore({ home, lockFile, wait })
  await store.create({ ...sampleCard(), objects: {} })
  return { home, store, journal: new Journal({ home, lockFile }) }
}

test.after.each(killAll)

const { cardId } = sampleCard()
const slower = (card: CardFile): CardFile => ({ ...card, unlockSeconds: 60 })
const reason = (error: unknown) => error as CardError

test('four processes change one card at once: no change is lost', async () => {
  const { home, store } = await fixture()
  const tags = ['a0', 'b0', 'c0', 'd0']
  const children = tags.map((tag) => beside('add', home.path, tag))
  for (const child of children) assert.is(await child.line(), 'ready')
  for (const child of children) child.process.stdin?.write('go\n')
  for (const child of children) assert.equal(await child.rest(), ['done'])
  const expected = tags.flatMap((tag) => Array.from({ length: 15 }, (_, at) => `${tag}${at + 10}`))
  assert.equal(Object.keys((await store.read('work')).objects).sort(), expected)
})

test('processes killed while they write: the card is whole each time, and the next writer need not wait', async () => {
  const { home, store } = await fixture(2000)
  for (let round = 0; round < 6; round++) {
    const children = ['a0', 'b0'].map((tag) => beside('churn', home.path, tag))
    for (const child of children) await child.line()
    // Reading all the while: every state that is seen is a whole one.
    const seen = new Set<string>()
    while (seen.size < 2 + round * 3) {
      seen.add(JSON.stringify((await store.read('work')).objects))
      for (const child of children) assert.is(child.process.exitCode, null, 'ended before it was killed')
    }
    await Promise.all(children.map((child) => child.kill()))
    await store.read('work')
    await store.update('work', cardId, (card) => ({ ...card, unlockSeconds: 100 + round }))
    assert.is((await store.read('work')).unlockSeconds, 100 + round)
  }
})

test('a process that does not let go: the wait ends, and the message names it', async () => {
  const { home, store } = await fixture(150)
  const child = beside('holdCard', home.path)
  assert.is(await child.line(), 'ready')
  const error = await store.update('work', cardId, slower).catch(reason)
  assert.instance(error, FileError)
  const { code, message } = error as FileError
  assert.is(code, 'ERR_CARD_BUSY')
  assert.match(message, `(${child.process.pid})`)
  assert.equal(await store.read('work'), { ...sampleCard(), objects: {} }, 'reading needs no lock')
  await child.kill()
  await store.update('work', cardId, slower)
})

test('a journal belongs to its process until that dies', async () => {
  const { home, journal } = await fixture()
  const child = beside('holdJournal', home.path)
  assert.is(await child.line(), 'ready')
  assert.equal(await journal.pending(), [])
  const error = (await journal.begin(sampleEntry()).catch(reason)) as FileError
  assert.is(error.code, 'ERR_CARD_BUSY')
  assert.match(error.message, `(${child.process.pid})`)
  await child.kill()
  const left = await journal.pending()
  assert.equal(
    left.map((one) => 'entry' in one && one.entry),
    [sampleEntry()],
  )
  assert.equal(await journal.recover(async () => true), [])
})

test('two stores in one process exclude each other too', async () => {
  const { home, store } = await fixture()
  const lock = native().lockFile(home.of('work', 'lock'))
  const other = (wait?: number) =>
    new CardStore({ home, lockFile: native().lockFile, ...(wait !== undefined && { wait }) })
  assert.is(reason(await other(20).update('work', cardId, slower).catch(reason)).code, 'ERR_CARD_BUSY')
  lock?.release()
  await Promise.all([store.update('work', cardId, slower), other().update('work', cardId, slower)])
})

test.run()
