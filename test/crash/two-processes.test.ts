// Two processes at one card: the second waits its turn, or is told why not; nothing is lost and nothing left over.
// takes: 11 s
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Slot } from '../../src/piv/slots.ts'
import { monotonic } from '../support/times.ts'
import { CARD, create, firstSecrets, makeKey, signs, verifyPin, withCard } from './support/card.ts'
import type { Answers } from './support/child.ts'
import { type Child, startChild } from './support/children.ts'
import { PLACES, type PlaceName } from './support/places.ts'
import { clean, filesOf, type World } from './support/world.ts'

const ROUNDS = process.env.TESSERA_TEST_LONG === '1' ? 50 : 5
const BUSY = ['ERR_CARD_BUSY', 'ERR_TPM_BUSY']
/** A bare TPM has three sessions for all: who shares one without a resource manager may find none free. */
const NO_ROOM: Readonly<Record<PlaceName, readonly string[]>> = { embedded: [], swtpm: [], shared: ['ERR_TPM_MEMORY'] }

const secrets = firstSecrets()
let one: Child
let two: Child

const patient: Promise<void>[] = []
const started: Child[] = []

async function child(): Promise<Child> {
  const fresh = startChild()
  started.push(fresh)
  await fresh.ready
  return fresh
}

test('the programs start', async () => {
  one = await child()
  two = await child()
  // These wait for as long as all the rest takes: begun first, looked at last.
  for (const name of ['embedded', 'swtpm'] as const) {
    const { world } = await PLACES[name]()
    await makeCard(world)
    const holder = await child()
    assert.is(await holder.ask('hold', whereOf(world)), 'held')
    const waiting = (await child()).ask('open', whereOf(world))
    patient.push(waiting.then(toldInTime))
  }
})

test.after(async () => {
  await Promise.all(started.map((each) => each.kill()))
})

function toldInTime(answer: Answers['open'] | undefined): void {
  assert.is(answer?.code, 'ERR_TPM_BUSY')
  const waited = answer && (answer.ended - answer.began) / 1000
  assert.ok(waited && waited >= 9.9 && waited < 60, `${waited} s`)
}

const whereOf = ({ spot: { home, tcti } }: World) => ({ home, tcti, name: CARD })
const there = (world: World) => filesOf(world).includes(`${CARD}.card`)

async function makeCard(world: World): Promise<void> {
  const card = await create(world.spot, CARD, secrets)
  await makeKey(card).finally(() => card.close())
}

function oneOf(code: string | undefined, ...allowed: readonly string[]): void {
  assert.ok(code !== undefined && allowed.includes(code), `${code} is none of ${allowed.join(' ')}`)
}

for (const name of Object.keys(PLACES) as PlaceName[]) {
  test(`${name}: both add keys and objects, and nothing is lost`, async () => {
    const { world, stop } = await PLACES[name]()
    await makeCard(world)
    const where = whereOf(world)
    const codes = await Promise.all([
      one.ask('add', { ...where, slots: ['9c', '9d', '82', '90', '91'], mark: '5fc1' }),
      two.ask('add', { ...where, slots: ['83', '84', '85', '90', '91'], mark: '5fc2' }),
    ])
    assert.equal(codes.flat(), new Array(10).fill('ok'))
    await withCard(world.spot, CARD, async (card) => {
      const slots = Object.keys(card.card.keys) as Slot[]
      assert.equal(slots.sort(), ['82', '83', '84', '85', '90', '91', '9a', '9c', '9d'])
      assert.is(card.objects.tags().length, 10)
      await verifyPin(card, secrets.pin)
      for (const slot of slots) assert.ok(await signs(card, slot), slot)
    })
    await clean(world)
    await stop()
  })

  test(`${name}: both make a card of one name, and one of them has it`, async () => {
    const { world, stop } = await PLACES[name]()
    const seen: string[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const order = { ...whereOf(world), secrets }
      const codes = await Promise.all([one.ask('create', order), two.ask('create', order)])
      seen.push(codes.join(' '))
      for (const code of codes) oneOf(code, 'ok', 'ERR_CARD_EXISTS', ...BUSY, ...NO_ROOM[name])
      assert.is(codes.filter((code) => code === 'ok').length, 1, codes.join(' '))
      await clean(world)
      await withCard(world.spot, CARD, async (card) => {
        await verifyPin(card, secrets.pin)
        assert.ok(await signs(card))
      })
      assert.is(await one.ask('destroy', whereOf(world)), 'ok')
      await clean(world)
    }
    console.log(`  ${name}:`, seen.join(', '))
    await stop()
  })

  test(`${name}: both make a card, the first ones in a new TPM`, async () => {
    const seen: string[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const { world, stop } = await PLACES[name]()
      const where = whereOf(world)
      const codes = await Promise.all([
        one.ask('create', { ...where, secrets }),
        two.ask('create', { ...where, name: 'second', secrets }),
      ])
      seen.push(codes.join(' '))
      for (const code of codes) oneOf(code, 'ok', ...NO_ROOM[name])
      assert.ok(codes.includes('ok'), codes.join(' '))
      await clean(world)
      await stop()
    }
    console.log(`  ${name}:`, seen.join(', '))
  })

  test(`${name}: one makes the card that the other destroys`, async () => {
    const { world, stop } = await PLACES[name]()
    const seen: string[] = []
    for (let round = 0; round < ROUNDS; round++) {
      if (!there(world)) await makeCard(world)
      const [destroyed, created] = await Promise.all([
        one.ask('destroy', whereOf(world)),
        pause(20 * round).then(() => two.ask('create', { ...whereOf(world), secrets })),
      ])
      seen.push(`${destroyed} ${created}`)
      oneOf(destroyed, 'ok', ...BUSY, ...NO_ROOM[name])
      oneOf(created, 'ok', 'ERR_CARD_EXISTS', ...BUSY, ...NO_ROOM[name])
      assert.is(there(world), destroyed !== 'ok' || created === 'ok')
      await clean(world)
    }
    console.log(`  ${name}:`, seen.join(', '))
    await stop()
  })

  test(`${name}: one destroys the card that the other changes`, async () => {
    const { world, stop } = await PLACES[name]()
    const seen: string[] = []
    for (let round = 0; round < ROUNDS; round++) {
      await makeCard(world)
      const where = whereOf(world)
      const [added, destroyed] = await Promise.all([
        one.ask('add', { ...where, slots: ['82', '83', '84', '85', '86', '87'], mark: '5fc1' }),
        two.ask('destroy', where),
      ])
      seen.push(`${destroyed} ${added?.filter((code) => code === 'ok').length}`)
      for (const code of added ?? ['']) oneOf(code, 'ok', 'ERR_CARD_NOT_FOUND', ...BUSY, ...NO_ROOM[name])
      assert.is(destroyed, 'ok')
      assert.not(there(world))
      await clean(world)
    }
    console.log(`  ${name}:`, seen.join(', '))
    await stop()
  })
}

for (const name of ['embedded', 'swtpm'] as const) {
  test(`${name}: a second program gets its turn when the first has ended`, async () => {
    const { world, stop } = await PLACES[name]()
    await makeCard(world)
    assert.is(await one.ask('hold', whereOf(world)), 'held')
    const waiting = two.ask('open', whereOf(world))
    await pause(300)
    const released = monotonic()
    assert.is(await one.ask('release', null), 'released')
    const answer = await waiting
    assert.is(answer?.code, 'ok')
    assert.ok(answer && answer.ended >= released, 'not before')
    await stop()
  })
}

test('after ten seconds a second program is told that somebody holds the TPM', async () => {
  await Promise.all(patient)
})

test.run()
