// The acts that a crash may interrupt, and what the next start must find.
import { readFileSync, writeFileSync } from 'node:fs'
import { Home } from '../../../src/home/home.ts'
import type { TpmVault } from '../../../src/tpm/vault/vault.ts'
import {
  BYSTANDER,
  CARD,
  changePin,
  changePuk,
  create,
  DEFAULT,
  destroy,
  firstSecrets,
  makeKey,
  outcome,
  PIN_TRIES,
  type Secrets,
  type Spot,
  secretsFrom,
  signs,
  unblock,
  unblockByDesk,
  verifyPin,
  withCard,
} from './card.ts'
import { clean, filesOf, must, start, type World } from './world.ts'

export interface Act {
  readonly name: string
  /** What the next start may find, each of it after some crash. */
  readonly outcomes: readonly string[]
  /** Brings the card to where the act begins. */
  ready(world: World, secrets: Secrets): Promise<void>
  /** The whole life of a program that does the act. */
  run(spot: Spot, secrets: Secrets): Promise<void>
  /**
   * The next start, and what it finds; `turn` picks between the ways to start. Answers what became of the act, and the
   * secrets then in force. Throws Wrong.
   */
  judge(world: World, secrets: Secrets, turn: number): Promise<readonly [found: string, secrets: Secrets]>
}

const has = (world: World, name: string) => filesOf(world).includes(`${name}.card`)
const cardPath = (world: World) => new Home(world.spot.home).of(CARD, 'card')

/** A card with a key. */
async function present(world: World, secrets: Secrets): Promise<void> {
  if (has(world, CARD)) return
  const card = await create(world.spot, CARD, secrets)
  await makeKey(card).finally(() => card.close())
}

/** The PIN works, and the key with it. */
async function works(card: TpmVault, pin: string): Promise<void> {
  const code = await outcome(verifyPin(card, pin))
  must(code === 'ok', `the PIN: ${code}`)
  must(await signs(card), 'a bad signature')
}

/** Starts with another card of the home, where there is one: that cleans up as well. */
async function startBeside(world: World, turn: number): Promise<void> {
  if (turn % 2 === 1 || !has(world, BYSTANDER)) return
  await start(world, BYSTANDER, (card) => works(card, DEFAULT))
  await clean(world)
}

const creating: Act = {
  name: 'create',
  outcomes: ['absent', 'whole'],
  ready: async () => undefined,
  async run(spot, secrets) {
    await (await create(spot, CARD, secrets)).close()
  },
  async judge(world, secrets, turn) {
    await startBeside(world, turn)
    // Nothing of the name is left, or all of it: then it is taken.
    const again = await outcome(create(world.spot, CARD, secrets).then((card) => card.close()))
    must(again === 'ok' || again === 'ERR_CARD_EXISTS', `creating it again: ${again}`)
    await start(world, CARD, async (card) => {
      await clean(world)
      // One made in its place is like any other: not tried each time.
      if (again === 'ok' && turn % 8 !== 0) return
      await makeKey(card)
      await works(card, secrets.pin)
    })
    await destroy(world.spot, CARD)
    await clean(world)
    return [again === 'ok' ? 'absent' : 'whole', secrets]
  },
}

/** `try` answers how each of two secrets fares; exactly one of them may be good. */
async function oneOf(
  one: string,
  two: string,
  attempt: (secret: string) => Promise<string>,
  wrong: string,
): Promise<string> {
  const [first, second] = [await attempt(one), await attempt(two)]
  must([first, second].sort().join() === [wrong, 'ok'].join(), `old: ${first}, new: ${second}`)
  return first === 'ok' ? one : two
}

const changingPin: Act = {
  name: 'change PIN',
  outcomes: ['new', 'old'],
  ready: present,
  run: (spot, secrets) => withCard(spot, CARD, (card) => changePin(card, secrets)),
  judge: (world, secrets) =>
    start(world, CARD, async (card) => {
      const { pin, newPin, puk } = secrets
      const now = await oneOf(pin, newPin, (secret) => outcome(verifyPin(card, secret)), 'ERR_PIN_WRONG')
      await works(card, now)
      must(now !== DEFAULT || card.card.flags.mustChangePin, 'the default PIN need not be changed any more')
      return [now === pin ? 'old' : 'new', secretsFrom({ pin: now, puk })]
    }),
}

const changingPuk: Act = {
  name: 'change PUK',
  outcomes: ['new', 'old'],
  ready: present,
  run: (spot, secrets) => withCard(spot, CARD, (card) => changePuk(card, secrets)),
  judge: (world, secrets) =>
    start(world, CARD, async (card) => {
      const { pin, puk, newPuk } = secrets
      const proof = (secret: string) => outcome(changePuk(card, { ...secrets, puk: secret, newPuk: secret }))
      const now = await oneOf(puk, newPuk, proof, 'ERR_PUK_WRONG')
      await works(card, pin)
      return [now === puk ? 'old' : 'new', secretsFrom({ pin, puk: now })]
    }),
}

async function blocked(world: World, secrets: Secrets): Promise<void> {
  await present(world, secrets)
  await withCard(world.spot, CARD, async (card) => {
    for (let tries = 0; tries < PIN_TRIES; tries++) await outcome(verifyPin(card, '000000'))
    must((await card.pins.pinCounter()).left === 0, 'the PIN is not blocked')
  })
}

type Unblock = (card: TpmVault, secrets: Secrets) => Promise<void>

/** Blocked, and what unblocks it does so again; or done. Never an old PIN with new tries. */
export const unblocking = (name: string, way: Unblock, retry: Unblock = way): Act => ({
  name,
  outcomes: ['blocked', 'done'],
  ready: blocked,
  run: (spot, secrets) => withCard(spot, CARD, (card) => way(card, secrets)),
  judge: (world, secrets) =>
    start(world, CARD, async (card) => {
      const { pin, newPin, puk } = secrets
      const left = (await card.pins.pinCounter()).left
      const old = await outcome(verifyPin(card, pin))
      if (left === 0) {
        must(old === 'ERR_PIN_BLOCKED', `blocked, and the old PIN: ${old}`)
        const early = await outcome(verifyPin(card, newPin))
        must(early === 'ERR_PIN_BLOCKED', `blocked, and the new PIN: ${early}`)
        await retry(card, secrets)
      } else {
        must(old === 'ERR_PIN_WRONG', `not blocked, and the old PIN: ${old}`)
      }
      await works(card, newPin)
      return [left === 0 ? 'blocked' : 'done', secretsFrom({ pin: newPin, puk })]
    }),
})

async function oneMore(world: World, secrets: Secrets): Promise<void> {
  await (await create(world.spot, 'third', secrets)).close()
  await destroy(world.spot, 'third')
}

const destroying: Act = {
  name: 'destroy',
  outcomes: ['gone', 'whole'],
  async ready(world, secrets) {
    await present(world, secrets)
    writeFileSync(`${world.spot.home}/copy`, readFileSync(cardPath(world)))
  },
  run: (spot) => destroy(spot, CARD),
  async judge(world, secrets, turn) {
    await startBeside(world, turn)
    const opens = await outcome(start(world, CARD, (card) => works(card, secrets.pin)))
    must(opens === 'ok' || opens === 'ERR_CARD_NOT_FOUND', `opening it: ${opens}`)
    must(has(world, CARD) === (opens === 'ok'), 'a card file of a card that is gone')
    if (opens === 'ok') {
      await clean(world)
      return ['whole', secrets]
    }
    // Where its file was gone, opening it never came as far as the TPM: the next start of any card cleans up.
    if (filesOf(world).includes(`${CARD}.journal`)) await oneMore(world, secrets)
    await clean(world)

    // A copy of the file put back is of no use.
    writeFileSync(cardPath(world), readFileSync(`${world.spot.home}/copy`), { mode: 0o600 })
    await start(world, CARD, async (card) => {
      const codes = [outcome(verifyPin(card, secrets.pin)), outcome(unblock(card, secrets)), outcome(signs(card))]
      const found = (await Promise.all(codes)).join(' ')
      must(found === 'ERR_CARD_DEAD ERR_CARD_DEAD ERR_PIN_REQUIRED', `a copy put back: ${found}`)
    })
    await destroy(world.spot, CARD)
    await clean(world)
    return ['gone', secrets]
  },
}

/** The card as it was, or the one that was made in its place, whole; or none, where it came between the two. */
const resetting: Act = {
  name: 'reset',
  outcomes: ['absent', 'new', 'old'],
  ready: present,
  run: (spot) => withCard(spot, CARD, (card) => card.reset()),
  async judge(world, secrets, turn) {
    await startBeside(world, turn)
    let found: readonly [string, Secrets] = ['absent', firstSecrets()]
    const opens = await outcome(
      start(world, CARD, async (card) => {
        found = await judgeReset(world, secrets, card)
      }),
    )
    must(opens === 'ok' || opens === 'ERR_CARD_NOT_FOUND', `opening it: ${opens}`)
    must(has(world, CARD) === (opens === 'ok'), 'a card file of a card that is gone')
    // Between its two halves there is no journal, and nothing to open: the next program that uses the TPM flushes what is loaded.
    if (opens !== 'ok') await oneMore(world, secrets)
    await clean(world)
    return found
  },
}

async function judgeReset(world: World, secrets: Secrets, card: TpmVault): Promise<readonly [string, Secrets]> {
  await clean(world)
  if (Object.keys(card.card.keys).length > 0) {
    await works(card, secrets.pin)
    return ['old', secrets]
  }
  const { pin, flags } = card.card
  must(pin.tries === PIN_TRIES && flags.mustChangePin, 'another card than was to be made')
  await makeKey(card)
  await works(card, DEFAULT)
  return ['new', secretsFrom({ pin: DEFAULT, puk: DEFAULT })]
}

export const ACTS: readonly Act[] = [
  creating,
  changingPin,
  changingPuk,
  unblocking('unblock by PUK', unblock),
  unblocking('unblock by help desk', unblockByDesk),
  destroying,
  resetting,
]
