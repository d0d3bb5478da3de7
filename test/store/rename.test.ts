// Renaming in the store: whatever step fails and whenever the power goes, the card is whole under one name or both.
import { basename } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesOver } from '../../src/files/files.ts'
import { native } from '../../src/native.ts'
import { type CardFile, decodeCardFile } from '../../src/tpm/store/card-file.ts'
import { CardStore } from '../../src/tpm/store/store.ts'
import { PowerDisk } from './support/power.ts'
import { beside, killAll } from './support/processes.ts'
import { failing, memoryLocks, watched } from './support/steps.ts'
import { fails, fixture, work } from './support/store.ts'

test.after.each(killAll)

const desk: CardFile = { ...work, name: 'desk' }
const other: CardFile = { ...work, name: 'desk', cardId: new Uint8Array(16) }
const rename = (store: CardStore) => store.rename('work', work.cardId, 'desk')
const cards = async (store: CardStore) => (await store.list()).map((one) => ('card' in one ? one.card : one.error))

test('the file moves, and the rest of it stays', async () => {
  const { store, locks } = fixture()
  await store.create(work)
  await rename(store)
  assert.equal(await cards(store), [desk])
  assert.is(locks.held.size, 0)
  await fails(rename(store), 'ERR_CARD_NOT_FOUND')
  await store.assertSingle('desk', work.cardId)
})

test('a name that is taken is refused, and so is another card under the old one', async () => {
  const { store } = fixture()
  await store.create(work)
  await store.create(other)
  await fails(rename(store), 'ERR_CARD_EXISTS', 'desk.card')
  await fails(store.rename('work', other.cardId, 'third'), 'ERR_CARD_NOT_FOUND', 'Another card')
  await fails(store.rename('work', work.cardId, '../x'), 'ERR_CARD_NAME')
  await store.rename('work', work.cardId, 'work')
  assert.equal(await cards(store), [other, work])
})

test('two files of one card: renaming ends it either way; files that differ stay', async () => {
  for (const [from, to] of [
    ['work', 'desk'],
    ['desk', 'work'],
  ] as const) {
    const { store } = fixture()
    await store.create(work)
    await store.create(desk)
    for (const name of ['work', 'desk']) await fails(store.assertSingle(name, work.cardId), 'ERR_CARD_EXISTS', 'rename')
    await store.rename(from, work.cardId, to)
    assert.equal(await cards(store), [{ ...work, name: to }])
  }
  const { store } = fixture()
  await store.create(work)
  await store.create({ ...desk, unlockSeconds: 1 })
  await fails(rename(store), 'ERR_CARD_EXISTS', 'come to differ')
  assert.is((await cards(store)).length, 2)
})

test('each step fails, once or for good: the card under one name or both, and renaming again ends it', async () => {
  let at = 0
  for (; ; at++) {
    const reached = await Promise.all(
      [false, true].map(async (onwards) => {
        const { store, home, locks } = fixture()
        await store.create(work)
        const fault = failing(at, 'ENOSPC', onwards)
        await rename(new CardStore({ home, lockFile: locks.lockFile, files: filesOver(watched(fault.watch)) })).catch(
          () => undefined,
        )
        assert.is(locks.held.size, 0)
        const found = JSON.stringify(await cards(store))
        assert.ok(
          [[work], [desk], [desk, work]].map((some) => JSON.stringify(some)).includes(found),
          `step ${at}: ${found}`,
        )
        if (found !== JSON.stringify([desk])) await rename(store)
        assert.equal(await cards(store), [desk], `step ${at}`)
        return fault.reached()
      }),
    )
    if (!reached.includes(true)) break
  }
  assert.ok(at > 12, `${at} steps`)
})

test('the power goes before any step: at least one of the two files is whole on the disk', async () => {
  const disk = new PowerDisk()
  const { home } = fixture()
  let [moments, running] = [0, false]
  const whole = (name: string) => {
    const path = home.of(name, 'card')
    return [...disk.afterLoss(path)].every(
      (octets) => octets !== undefined && decodeCardFile(octets, path).name === name,
    )
  }
  const survives = () => {
    if (!running) return
    moments += 1
    assert.ok(whole('work') || whole('desk'), `moment ${moments}`)
  }
  const files = filesOver(watched(survives, disk.steps))
  const store = new CardStore({ home, lockFile: memoryLocks().lockFile, files })
  await store.create(work)
  running = true
  await rename(store)
  survives()
  assert.ok(moments > 12, `${moments} moments`)
})

test('another process has the card or the new name: busy, and it is named', async () => {
  const { store, home } = fixture({ lockFile: native().lockFile, wait: 100 })
  await store.create(work)
  await store.create({ ...other, name: 'third' })
  const child = beside('holdCard', home.path)
  assert.is(await child.line(), 'ready')
  for (const call of [() => rename(store), () => store.rename('third', other.cardId, 'work')]) {
    assert.match((await fails(call(), 'ERR_CARD_BUSY')).message, `(${child.process.pid})`)
  }
  await child.kill()
  await rename(store)
  assert.equal(await cards(store), [desk, { ...other, name: 'third' }])
})

test('two that swap names take the locks in the same order, so that neither waits for the other', async () => {
  const { lockFile } = memoryLocks()
  const taken: string[] = []
  const { store } = fixture({
    lockFile: (path) => {
      taken.push(basename(path))
      return lockFile(path)
    },
  })
  await store.create(work)
  await store.create(other)
  for (const swap of [() => rename(store), () => store.rename('desk', other.cardId, 'work')]) {
    taken.length = 0
    await fails(swap(), 'ERR_CARD_EXISTS')
    assert.equal(taken, ['desk.lock', 'work.lock'])
  }
  assert.equal(await cards(store), [other, work])
})

test.run()
