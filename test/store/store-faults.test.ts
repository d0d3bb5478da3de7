// Faults under the card store: whatever step fails, the card is the old one or the new one, and whole.
import { readdirSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError, type ErrorCode } from '../../src/errors.ts'
import { filesOver } from '../../src/files/files.ts'
import type { CardFile } from '../../src/tpm/store/card-file.ts'
import { CardStore } from '../../src/tpm/store/store.ts'
import { failing, systemError, watched } from './support/steps.ts'
import { fails, fixture, slower, work } from './support/store.ts'

/** Every step of `what` fails in turn, once or for good; then the card is as `states` allow, and a second try works. */
async function eachStep(
  what: (store: CardStore) => Promise<unknown>,
  states: readonly (CardFile | undefined)[],
  before: CardFile | undefined,
): Promise<number> {
  const found = (store: CardStore) => store.read('work').catch(() => undefined)
  for (let at = 0; ; at++) {
    for (const onwards of [false, true]) {
      const { store, home, locks } = fixture()
      if (before !== undefined) await store.create(before)
      const fault = failing(at, 'ENOSPC', onwards)
      const faulty = new CardStore({ home, lockFile: locks.lockFile, files: filesOver(watched(fault.watch)) })
      const error = await what(faulty).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (!fault.reached()) return at
      const state = await found(store)
      const allowed = states.some((one) => JSON.stringify(one) === JSON.stringify(state))
      assert.ok(allowed, `step ${at}: ${JSON.stringify(state)}`)
      // Cleaning up a leftover or asking who holds a lock may fail unnoticed; all else is told.
      if (error === undefined) assert.ok(!onwards, `step ${at} failed in silence`)
      else assert.ok(error instanceof CardError, `step ${at}: ${error}`)
      assert.is(locks.held.size, 0)
      await what(store).catch((reason: unknown) => assert.instance(reason, CardError))
      assert.equal(await found(store), states.at(-1), `step ${at}`)
    }
  }
}

test('every step of create fails: no card or a whole one', async () => {
  assert.ok((await eachStep((store) => store.create(work), [undefined, work], undefined)) > 8)
})

test('every step of update fails: the old card or the new one', async () => {
  const update = (store: CardStore) => store.update('work', work.cardId, slower)
  assert.ok((await eachStep(update, [work, slower(work)], work)) > 12)
})

test('every step of remove fails: the card or none', async () => {
  assert.ok((await eachStep((store) => store.remove('work', work.cardId), [work, undefined], work)) > 8)
})

test('what an interrupted write left goes with the card', async () => {
  const { store, home, path } = fixture()
  await store.create(work)
  writeFileSync(`${path}-tmp`, 'half')
  await store.remove('work', work.cardId)
  assert.equal(readdirSync(home.cards), [])
})

test('a system error is the cause of ours', async () => {
  const { home, locks, store } = fixture()
  await store.create(work)
  const files = filesOver(
    watched((step) => {
      if (step === 'rename') throw systemError('EDQUOT')
    }),
  )
  const faulty = new CardStore({ home, lockFile: locks.lockFile, files })
  const error = await fails(faulty.update('work', work.cardId, slower), 'ERR_DISK_FULL', 'unchanged')
  assert.is((error.cause as { code?: string }).code, 'EDQUOT')
})

test('a lock that cannot be had: the card file is not touched', async () => {
  const causes: ReadonlyArray<readonly [object, ErrorCode]> = [
    [{ reason: 'permission' }, 'ERR_CARD_READ_ONLY'],
    [{ reason: 'full' }, 'ERR_DISK_FULL'],
    [{ reason: 'io' }, 'ERR_IO'],
    [{ code: 'EROFS' }, 'ERR_CARD_READ_ONLY'],
  ]
  const { store, home } = fixture()
  await store.create(work)
  for (const [facts, code] of causes) {
    const lockFile = () => {
      throw Object.assign(new Error('no lock'), facts)
    }
    await fails(new CardStore({ home, lockFile }).update('work', work.cardId, slower), code, 'work.lock')
  }
  assert.equal(await store.read('work'), work)
})

test.run()
