// takes: 10 s
// Answers that are forged, cut short, too long or lost, at every command of every operation: a typed error or none,
// the next call works, and the card is as it was or as it was to become, never anything between.
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, type ErrorCode, PinError, respondToChallenge } from '../../src/index.ts'
import { flipBit } from '../support/wire.ts'
import { type Bench, NEW_PIN, onBench, PIN, PUK } from './bench.ts'
import { COMMON, chosen, FORGERIES, forging, judge, onceMore } from './forgeries.ts'
import { assertSigned } from './verify.ts'

const desk = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const data = new Uint8Array(100)

const PINS: readonly ErrorCode[] = [...COMMON, 'ERR_PIN_WRONG', 'ERR_PUK_WRONG', 'ERR_HELP_DESK_REFUSED']

interface Operation {
  readonly before?: (card: Card) => Promise<unknown>
  readonly run: (card: Card) => Promise<unknown>
  readonly may: readonly ErrorCode[]
}

const verified = (card: Card) => card.verifyPin(PIN)
const OPERATIONS: Readonly<Record<string, Operation>> = {
  pinStatus: { run: (card) => card.pinStatus(), may: COMMON },
  verifyPin: { run: verified, may: PINS },
  'sign once': { before: verified, run: (card) => card.sign('9a', data), may: COMMON },
  'sign always': { before: verified, run: (card) => card.sign('9c', data), may: COMMON },
  'sign never': { run: (card) => card.sign('9e', data), may: COMMON },
  generateKey: {
    before: verified,
    run: (card) => card.generateKey('82'),
    // The connection goes with the session that PIN was verified in.
    may: [...COMMON, 'ERR_ADMIN_REQUIRED', 'ERR_NOT_SUPPORTED'],
  },
  importKey: {
    before: verified,
    run: (card) => card.importKey('83', desk.privateKey),
    may: [...COMMON, 'ERR_NOT_SUPPORTED'],
  },
  changePin: { run: (card) => card.changePin({ pin: PIN, newPin: NEW_PIN }), may: PINS },
  changePuk: { run: (card) => card.changePuk({ puk: PUK, newPuk: PUK.toUpperCase() }), may: PINS },
  unblockPin: { run: (card) => card.unblockPin({ puk: PUK, newPin: NEW_PIN }), may: PINS },
  'help desk': {
    run: async (card) => {
      const response = respondToChallenge(await card.unblockChallenge(), desk.privateKey)
      await card.unblockWithResponse({ response, newPin: NEW_PIN })
    },
    may: PINS,
  },
}

/** The secret of `known` that the card has now; more than one, or none, is a failure. */
async function holds(known: readonly string[], attempt: (secret: string) => Promise<unknown>, what: string) {
  const right: string[] = []
  for (const secret of known) {
    try {
      await attempt(secret)
      right.push(secret)
    } catch (error) {
      assert.ok(error instanceof PinError, `${what}: ${error}`)
    }
  }
  assert.is(right.length, 1, `${what}: one of the two secrets is right`)
  return right[0] ?? ''
}

/** As good as new: PIN and PUK are those of before, all tries are left. */
async function restore(card: Card, what: string): Promise<void> {
  const puk = await holds(
    [PUK, PUK.toUpperCase()],
    (one) => onceMore(() => card.unblockPin({ puk: one, newPin: PIN })),
    what,
  )
  if (puk !== PUK) await card.changePuk({ puk, newPuk: PUK })
}

async function furnished(bench: Bench): Promise<Card> {
  const card = await bench.create({ helpDeskPublicKey: desk.publicKey, pinTries: 10, pukTries: 10 })
  await card.verifyPin(PIN)
  for (const slot of ['9a', '9c', '9e', '82']) await card.generateKey(slot)
  return card
}

for (const [name, { before, run, may }] of Object.entries(OPERATIONS)) {
  test(`${name}: every answer forged in every way`, () =>
    onBench('swtpm', async (bench) => {
      const { proxy } = bench
      if (proxy === undefined) throw new Error('no proxy')
      const card = await furnished(bench)
      const pinChanges = ['changePin', 'unblockPin', 'help desk'].includes(name)
      for (const [number, [how, forge]] of Object.entries(FORGERIES).entries()) {
        for (let at = 1; ; at += 1) {
          if (!chosen(number, at)) continue
          await onceMore(async () => before?.(card))
          const { name: forged, error } = await forging(proxy, at, forge, () => run(card))
          if (forged === undefined) {
            assert.is(error, undefined, `${name}, nothing forged: ${error}`)
            if (pinChanges || name === 'changePuk') await restore(card, name)
            break
          }
          const what = `${name}, ${forged} (${at}): ${how}`
          judge(error, may, what)
          const next = await onceMore(() => card.pinStatus())
          assert.is(next.triesLeft !== undefined && next.triesLeft >= 9, true, `${what}: the next call works`)
          const { objects, sessions } = await bench.loaded()
          assert.ok(objects <= 3 && sessions <= 3, `${what}: ${objects} objects, ${sessions} sessions`)
          if (pinChanges) await holds([PIN, NEW_PIN], (pin) => onceMore(() => card.verifyPin(pin)), what)
          if (pinChanges || name === 'changePuk') await restore(card, what)
          await onceMore(async () => {
            await card.verifyPin(PIN)
            for (const slot of ['9a', '9e', '82']) assert.ok((await card.sign(slot, data)).length > 60, what)
          })
        }
      }
      await card.verifyPin(PIN)
      for (const slot of ['9a', '9e', '82']) {
        assertSigned((await card.keyInfo(slot)).publicKey, data, await card.sign(slot, data))
      }
      await card.close()
      assert.equal(await bench.loaded(), { objects: 0, sessions: 0 })
    }))
}

test("a new key that is damaged or swapped on its way takes nobody's place", () =>
  onBench('swtpm', async (bench) => {
    const { proxy } = bench
    if (proxy === undefined) throw new Error('no proxy')
    const card = await furnished(bench)
    const { publicKey } = await card.keyInfo('82')
    const swap = new Map<string, Uint8Array>()
    const makings = { Create: () => card.generateKey('82'), Import: () => card.importKey('82', desk.privateKey) }
    for (const [name, make] of Object.entries(makings)) {
      for (let at = 14; ; at += 37) {
        await card.verifyPin(PIN)
        let whole = 0
        proxy.hooks.onAnswer = (exchange, answer) => {
          if (exchange.name !== name) return undefined
          whole = answer.length
          swap.set(name, answer)
          return flipBit(answer, Math.min(at, whole - 1), at % 8)
        }
        const error: unknown = await make().catch((refusal: unknown) => refusal)
        judge(error, ['ERR_TPM_TAMPERED', 'ERR_TPM_ANSWER'], `${name}, octet ${at}`)
        if (at >= whole) break
      }
      // A whole answer, of another key.
      await card.verifyPin(PIN)
      proxy.hooks.onAnswer = (exchange) => (exchange.name === name ? swap.get(name) : undefined)
      const error: unknown = await make().catch((refusal: unknown) => refusal)
      judge(error, ['ERR_TPM_TAMPERED'], `${name}, swapped`)
      proxy.hooks = {}
    }
    assert.ok((await card.keyInfo('82')).publicKey.equals(publicKey))
    await card.verifyPin(PIN)
    assertSigned(publicKey, data, await card.sign('82', data))
    await card.close()
  }))

test.run()
