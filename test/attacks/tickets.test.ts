// takes: 9 s
// What a verified PIN leaves behind, in the hands of somebody who reads the wire or uses the TPM in between: A2, E7, E8
// and B4 of reference/pin-lock.md.
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inItsTime } from '../support/times.ts'
import { ascii, parseCommand } from '../support/wire.ts'
import { password, session } from '../support/witness.ts'
import { type Attacker, DIGEST, MESSAGE, OWN, ticketOnWire } from './support/attacker.ts'
import { AUTHENTICATION, type CardOwner, slot } from './support/owner.ts'
import { type Attack, battery, Nothing, onEach, refused, type Scene } from './support/rows.ts'
import { ONE_KEY_REF, ONE_USE_REF, UNSALTED } from './support/tables.ts'

const USE = ascii('use')
const ALWAYS = slot('9c')

/** The ticket of the owner's VERIFY, off the wire. */
async function recorded({ bench }: Scene, owner: CardOwner) {
  await owner.verifyPin()
  const ticket = ticketOnWire(bench.proxy.wire, 'PolicySecret', owner.file.pin.name)
  await owner.vault.close()
  return ticket
}

/** Signs with a recorded ticket, after `until` has happened. */
const useTicketAfter =
  (until: (scene: Scene) => Promise<void>, unlockSeconds = 900): Attack =>
  async (scene) => {
    const { attacker, card } = scene
    const owner = await card({ unlockSeconds })
    const ticket = await recorded(scene, owner)
    await until(scene)
    const policy = await attacker.policySession()
    await attacker.ticket(policy, USE, ticket)
    await attacker.sign(owner, session(policy))
  }

/** Waits until the TPM's own clock is `ms` further. */
async function clockPasses(attacker: Attacker, ms: number): Promise<void> {
  const now = async () => (await attacker.witness.must('ReadClock')).u64()
  const until = (await now()) + BigInt(ms)
  for (let poll = 0; poll < 200 && (await now()) < until; poll += 1) await delay(25)
}

/** Somebody guesses, once after each signature of a card that is unlocked. `resend`: as if the PIN were kept. */
const guessBetween =
  (resend: boolean): Attack =>
  async ({ attacker, card }) => {
    const owner = await card()
    await owner.verifyPin()
    const policy = await attacker.policySession()
    for (let guess = 0; guess < owner.file.pin.tries + 5; guess += 1) {
      if (resend) await owner.verifyPin()
      await owner.sign(DIGEST)
      const answer = await refused(attacker.secret(policy, owner.file.pin.handle, OWN, 'use'))
      if (answer !== 'PolicySecret 0x9a2') throw new Nothing(answer)
    }
  }

/** The session in which the product fulfilled its last policy command of this name. */
function sessionOf({ bench }: Scene, name: string, at: 0 | 1): number {
  const said = bench.proxy.wire.findLast((exchange) => exchange.name === name && exchange.side === 'product')
  return parseCommand(said?.command ?? new Uint8Array(0)).handles[at] ?? 0
}

battery([
  {
    id: 'A2',
    what: 'a ticket for "use" is shown as one for "change"',
    held: 'PolicyTicket 0x5e0',
    weak: useTicketAfter(async () => {}),
    async attack(scene) {
      const owner = await scene.card()
      const ticket = await recorded(scene, owner)
      await scene.attacker.ticket(await scene.attacker.policySession(), ascii('change'), ticket)
    },
  },
  {
    id: 'A2',
    what: 'a ticket for "use" changes the PIN',
    held: 'PolicyAuthorize 0x1c4',
    weak: ONE_USE_REF,
    async attack(scene) {
      const { attacker, card } = scene
      const owner = await card()
      const ticket = await recorded(scene, owner)
      const policy = await attacker.policySession()
      await attacker.ticket(policy, USE, ticket)
      await attacker.commandCode(policy, 'NV_ChangeAuth')
      await attacker.approve(policy, owner, 'changePin')
      await attacker.changeAuth(policy, owner.file.pin.handle, OWN)
      await attacker.signWith(owner, OWN)
    },
  },
  {
    id: 'E7',
    what: 'a recorded ticket after a reset of the TPM',
    held: 'PolicyTicket 0x5e0',
    weak: useTicketAfter(async () => {}),
    attack: useTicketAfter(({ bench }) => bench.reset()),
  },
  {
    id: 'E7',
    what: 'a recorded ticket after its time',
    held: 'PolicyTicket 0x1e3',
    weak: (scene) => inItsTime(1000, () => useTicketAfter(async () => {}, 1)(scene)),
    attack: useTicketAfter(({ attacker }) => clockPasses(attacker, 1100), 1),
  },
  {
    id: 'E8',
    what: 'signatures give somebody who guesses in between new tries',
    held: 'PolicySecret 0x12f',
    weak: guessBetween(true),
    attack: guessBetween(false),
  },
  {
    id: 'B4',
    what: 'a ticket for `once` keys serves an `always` key',
    held: 'Sign 0x99d',
    weak: ONE_KEY_REF,
    async attack(scene) {
      const { attacker, card } = scene
      const owner = await card({ keys: { '9c': 'always' } })
      await owner.verifyPin()
      const [used] = scene.bench.proxy.wire.filter(({ name }) => name === 'PolicySecret').slice(-2)
      const ticket = ticketOnWire(used === undefined ? [] : [used], 'PolicySecret', owner.file.pin.name)
      const policy = await attacker.policySession()
      await attacker.ticket(policy, USE, ticket)
      await attacker.sign(owner, session(policy), ALWAYS)
    },
  },
  {
    id: 'B4',
    what: 'one proof of the PIN serves an `always` key twice',
    held: 'Sign 0x99d',
    async weak({ attacker, card }) {
      const owner = await card({ keys: { '9c': 'never' } })
      await attacker.sign(owner, password(), ALWAYS)
      await attacker.sign(owner, password(), ALWAYS)
    },
    async attack({ attacker, card }) {
      const owner = await card({ keys: { '9c': 'always' } })
      const policy = await attacker.policySession()
      await attacker.secret(policy, owner.file.pin.handle, owner.auth('pin', owner.pin), 'use-always')
      await attacker.sign(owner, session(policy), ALWAYS)
      await attacker.sign(owner, session(policy), ALWAYS)
    },
  },
  {
    id: 'B4, E22',
    what: 'the armed session of an `always` key is used by somebody else',
    held: 'Sign 0x9a2',
    weak: UNSALTED,
    async attack(scene) {
      const { attacker, card } = scene
      const owner = await card({ keys: { '9c': 'always' } })
      await owner.verifyPin()
      const armed = sessionOf(scene, 'PolicySecret', 1)
      await attacker.withCardKey(owner, ALWAYS, async (key) => {
        assert.ok(owner.verifies(MESSAGE, await attacker.signIn(armed, key), ALWAYS))
      })
    },
  },
  {
    id: 'E22',
    what: 'somebody signs between PolicyTicket and Sign, in the session of the card',
    held: 'Sign 0x9a2',
    weak: UNSALTED,
    async attack(scene) {
      const { attacker, bench, card } = scene
      const owner = await card()
      await owner.verifyPin()
      await owner.sign(new Uint8Array(32).fill(7))
      let got: Promise<Uint8Array> | undefined
      bench.proxy.hooks.onAnswer = async ({ name }) => {
        if (name !== 'PolicyTicket') return
        const policy = sessionOf(scene, 'PolicyTicket', 0)
        got = attacker.withCardKey(owner, AUTHENTICATION, (key) => attacker.signIn(policy, key))
        await got.catch(() => undefined)
      }
      await refused(owner.sign(new Uint8Array(32).fill(9)))
      bench.proxy.hooks = {}
      assert.ok(owner.verifies(MESSAGE, (await got) ?? new Uint8Array(64)))
    },
  },
])

onEach('E8 50 signatures: the PIN is not sent again', async ({ bench, card }) => {
  const owner = await card()
  await owner.verifyPin()
  await owner.sign(DIGEST)
  bench.proxy.clear()
  for (let i = 0; i < 50; i += 1) assert.ok(owner.verifies(MESSAGE, await owner.sign(DIGEST)))
  assert.equal(bench.proxy.counts(), { PolicyTicket: 50, Sign: 50 })
})

onEach('B4 one VERIFY, one signature of an `always` key', async ({ bench, card }) => {
  const owner = await card({ keys: { '9c': 'always' } })
  await owner.verifyPin()
  assert.ok(owner.verifies(MESSAGE, await owner.sign(DIGEST, ALWAYS), ALWAYS))
  bench.proxy.clear()
  assert.is(await refused(owner.sign(DIGEST, ALWAYS)), 'ERR_PIN_REQUIRED')
  assert.equal(bench.proxy.counts(), {}, 'no PIN, and no ticket, is tried in its place')
})

// What is promised of a ticket, and what is not: it is good until it expires or the TPM is reset.
onEach('E7 a ticket outlives a blocked PIN and a deleted index, in the card as on the wire', async (scene) => {
  const { attacker, card } = scene
  const owner = await card()
  const { pin } = owner.file
  await owner.verifyPin()
  const policy = await attacker.policySession()
  for (let i = 0; i < pin.tries; i += 1) await refused(attacker.secret(policy, pin.handle, OWN, 'use'))
  assert.ok(owner.verifies(MESSAGE, await owner.sign(DIGEST)))
  await attacker.undefine(pin.handle)
  assert.ok(owner.verifies(MESSAGE, await owner.sign(DIGEST)))
  assert.is(await refused(owner.verifyPin()), 'ERR_CARD_DEAD')
  assert.is(await refused(owner.sign(DIGEST)), 'ERR_PIN_REQUIRED', 'VERIFY that fails drops it')
})

onEach('E7 a wrong PIN, a changed PIN and a reset end it in the card', async ({ bench, card }) => {
  const owner = await card()
  await owner.verifyPin()
  assert.is(await refused(owner.verifyPin('000000')), 'ERR_PIN_WRONG')
  assert.is(await refused(owner.sign(DIGEST)), 'ERR_PIN_REQUIRED')
  await owner.verifyPin()
  const before = ticketOnWire(bench.proxy.wire, 'PolicySecret', owner.file.pin.name).ticket
  await owner.vault.pins.changePin(ascii(owner.pin), ascii('864209'))
  bench.proxy.clear()
  await owner.sign(DIGEST)
  assert.equal(bench.proxy.seen(before), [], 'after a change the old ticket is not used')
  await bench.reset()
  bench.proxy.clear()
  assert.is(await refused(owner.sign(DIGEST)), 'ERR_PIN_REQUIRED')
  assert.is(bench.proxy.counts().PolicySecret, undefined, 'never a PIN again')
  await owner.verifyPin('864209')
  await owner.sign(DIGEST)
})

test.run()
