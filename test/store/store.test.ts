// The card store in one process: names, identities, changes, time limits.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesOver } from '../../src/files/files.ts'
import { type CardFile, encodeCardFile } from '../../src/tpm/store/card-file.ts'
import { sampleCard } from './support/cards.ts'
import { watched } from './support/steps.ts'
import { fails, fixture, slower, work } from './support/store.ts'

test('create, read, list, update, remove', async () => {
  const { store, home, locks, path } = fixture()
  assert.equal(await store.list(), [])
  await store.assertFree('work')
  await store.create(work)
  await store.create(sampleCard('other'))
  assert.equal(await store.read('work'), work)
  assert.equal(await store.list(), [
    { name: 'other', path: home.of('other', 'card'), card: sampleCard('other') },
    { name: 'work', path, card: work },
  ])
  assert.equal(await store.update('work', work.cardId, slower), slower(work))
  assert.equal(await store.read('work'), slower(work))
  await store.remove('work', work.cardId)
  await fails(store.read('work'), 'ERR_CARD_NOT_FOUND', 'tessera list')
  assert.is(locks.held.size, 0)
  assert.equal(readdirSync(home.cards), ['other.card'])
})

test('a name that is taken is refused, by a damaged card too', async () => {
  const { store, path } = fixture()
  await store.create(work)
  await fails(store.create(sampleCard()), 'ERR_CARD_EXISTS', 'destroy')
  writeFileSync(path, 'damaged')
  await fails(store.create(sampleCard()), 'ERR_CARD_EXISTS')
  await fails(store.assertFree('work'), 'ERR_CARD_EXISTS')
  assert.is(readFileSync(path, 'utf8'), 'damaged')
})

test('what is not there leaves no trace', async () => {
  const { store, home } = fixture()
  await fails(store.update('work', work.cardId, slower), 'ERR_CARD_NOT_FOUND')
  await fails(store.remove('work', work.cardId), 'ERR_CARD_NOT_FOUND')
  await fails(store.read('../work'), 'ERR_CARD_NAME')
  await fails(store.update('../work', work.cardId, slower), 'ERR_CARD_NAME')
  await fails(store.create({ ...work, name: '../work' }), 'ERR_CARD_NAME')
  assert.equal(existsSync(home.cards) ? readdirSync(home.cards) : [], [])
})

test('another card of the same name is not touched', async () => {
  const { store, path } = fixture()
  await store.create({ ...work, cardId: new Uint8Array(16) })
  const before = readFileSync(path)
  await fails(store.update('work', work.cardId, slower), 'ERR_CARD_NOT_FOUND', 'Another card')
  await fails(store.remove('work', work.cardId), 'ERR_CARD_NOT_FOUND', 'Another card')
  assert.equal(readFileSync(path), before)
})

test('a card in a file of another name is refused', async () => {
  const { store, home, path } = fixture()
  await store.create(work)
  copyFileSync(path, home.of('copy', 'card'))
  await fails(store.read('copy'), 'ERR_CARD_FILE', 'work.card')
})

test('the list goes on past what cannot be read', async () => {
  const { store, home, path } = fixture()
  await store.create(work)
  writeFileSync(home.of('a', 'card'), 'tessera-card 3 x\n')
  writeFileSync(home.of('b', 'card'), 'x')
  writeFileSync(join(home.cards, 'c d.card'), 'x')
  writeFileSync(join(home.cards, '.hidden.card'), 'x')
  writeFileSync(join(home.cards, 'notes.txt'), 'x')
  writeFileSync(`${path}-tmp`, 'x')
  mkdirSync(home.of('e', 'card'))
  const listed = await store.list()
  assert.equal(
    listed.map((card) => [card.name, 'error' in card ? card.error.code : 'ok']),
    [
      ['a', 'ERR_CARD_FILE_NEWER'],
      ['b', 'ERR_CARD_FILE'],
      ['c d', 'ERR_CARD_NAME'],
      ['e', 'ERR_IO'],
      ['work', 'ok'],
    ],
  )
})

test('a later version is never written to', async () => {
  const { store, path } = fixture()
  await store.create(work)
  const later = readFileSync(path, 'utf8').replace('tessera-card 1', 'tessera-card 3')
  writeFileSync(path, later)
  await fails(store.update('work', work.cardId, slower), 'ERR_CARD_FILE_NEWER')
  await fails(store.remove('work', work.cardId), 'ERR_CARD_FILE_NEWER')
  await fails(store.create(work), 'ERR_CARD_EXISTS')
  assert.is(readFileSync(path, 'utf8'), later)
})

test('no change, no write; a change made in place is a change', async () => {
  const steps: string[] = []
  const { store } = fixture({ files: filesOver(watched((step) => steps.push(step))) })
  await store.create(work)
  steps.length = 0
  await store.update('work', work.cardId, (card) => ({ ...card }))
  assert.not(steps.includes('openNew'))
  await store.update('work', work.cardId, (card) => {
    card.unlockSeconds = 61
    return card
  })
  assert.ok(steps.includes('openNew'))
  assert.is((await store.read('work')).unlockSeconds, 61)
})

test('a change that throws, or is none of this card, changes nothing and lets go of the lock', async () => {
  const { store, locks } = fixture()
  await store.create(work)
  const boom = new Error('boom')
  const thrown = await store
    .update('work', work.cardId, () => {
      throw boom
    })
    .catch((error: unknown) => error)
  assert.is(thrown, boom)
  const changes: ReadonlyArray<Partial<CardFile>> = [
    { name: 'other' },
    { cardId: new Uint8Array(16) },
    { unlockSeconds: 0 },
  ]
  for (const change of changes) {
    const error = await store
      .update('work', work.cardId, (card) => ({ ...card, ...change }))
      .catch((reason: unknown) => reason)
    assert.instance(error, Error)
  }
  assert.equal(await store.read('work'), work)
  assert.is(locks.held.size, 0)
})

test('a lock that is held: a bounded wait, then who and what to do', async () => {
  const { store, home, locks } = fixture({ wait: 60 })
  await store.create(work)
  writeFileSync(home.of('work', 'lock'), '4711\n')
  const lock = locks.lockFile(home.of('work', 'lock'))
  const start = performance.now()
  await fails(store.update('work', work.cardId, slower), 'ERR_CARD_BUSY', /\(4711\).*fuser/)
  assert.ok(performance.now() - start >= 59)
  assert.equal(await store.read('work'), work)
  lock?.release()
  await store.update('work', work.cardId, slower)
})

test('a lock that is let go of in time', async () => {
  const { store, home, locks } = fixture({ wait: 60_000 })
  await store.create(work)
  const lock = locks.lockFile(home.of('work', 'lock'))
  const update = store.update('work', work.cardId, slower)
  setImmediate(() => lock?.release())
  assert.is((await update).unlockSeconds, 60)
})

test('many updates at once in one process lose none', async () => {
  const { store } = fixture()
  await store.create({ ...work, objects: {} })
  const tags = Array.from({ length: 40 }, (_, at) => `5f${10 + at}`)
  const add = (tag: string) => (card: CardFile) => ({ ...card, objects: { ...card.objects, [tag]: new Uint8Array(1) } })
  await Promise.all(tags.map((tag) => store.update('work', work.cardId, add(tag))))
  assert.equal(Object.keys((await store.read('work')).objects).sort(), tags.sort())
})

test('a card put back after its file went is read again', async () => {
  const { store, path } = fixture()
  await store.create(work)
  copyFileSync(path, `${path}.kept`)
  await store.remove('work', work.cardId)
  renameSync(`${path}.kept`, path)
  assert.equal(readFileSync(path), Buffer.from(encodeCardFile(work)))
  assert.equal(await store.read('work'), work)
})

test.run()
