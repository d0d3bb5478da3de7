// takes: 6 s
// A blocked card and its help desk, whose private key is elsewhere.
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, cardInfo, PinError, respondToChallenge } from '../../src/index.ts'
import { type Bench, KINDS, NEW_PIN, onBench, PIN, PUK, WRONG_PIN } from './bench.ts'
import { refused } from './refusal.ts'
import { assertSigned } from './verify.ts'

const desk = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const data = new Uint8Array(100)
const answer = (challenge: string, key = desk.privateKey): string => respondToChallenge(challenge, key)

/** A card with a key whose PIN is blocked. */
async function blocked(bench: Bench, options: Parameters<Bench['create']>[0] = {}): Promise<Card> {
  const card = await bench.create({ helpDeskPublicKey: desk.publicKey, pinTries: 1, ...options })
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await refused('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN))
  return card
}

for (const kind of KINDS) {
  test(`${kind}: challenge, response, new PIN; the keys stay`, () =>
    onBench(kind, async (bench) => {
      const card = await blocked(bench, { noPuk: true, mustChangePin: true })
      assert.is((await cardInfo('work', { home: bench.home })).helpDesk, true)
      const error = await refused('ERR_PIN_BLOCKED', 5, () => card.verifyPin(PIN))
      assert.match(error.message, 'tessera pin status')
      const response = answer(await card.unblockChallenge())
      await card.unblockWithResponse({ response: ` ${response.toLowerCase().replaceAll('-', ' ')}\n`, newPin: NEW_PIN })
      const { triesLeft, verified, mustChange } = await card.pinStatus()
      assert.equal([triesLeft, verified, mustChange], [1, false, false])
      await card.verifyPin(NEW_PIN)
      assertSigned((await card.keyInfo('9a')).publicKey, data, await card.sign('9a', data))
      await card.close()
      const later = await bench.open()
      await later.verifyPin(NEW_PIN)
      await later.close()
    }))

  test(`${kind}: responses that do not fit change nothing, and the right one still works`, () =>
    onBench(kind, async (bench) => {
      const card = await blocked(bench)
      const stranger = await blocked(bench, { name: 'stranger' })
      const no = (response: string, of = card) =>
        refused('ERR_HELP_DESK_REFUSED', 6, () => of.unblockWithResponse({ response, newPin: NEW_PIN }))
      const misread = (response: string) => `${response.slice(0, -1)}${response.endsWith('0') ? '1' : '0'}`

      await no(answer(await card.unblockChallenge(), other.privateKey))
      const first = await card.unblockChallenge()
      const second = await card.unblockChallenge()
      await no(answer(first))
      await no(misread(answer(await card.unblockChallenge())))
      await no(second)
      const foreign = answer(await stranger.unblockChallenge())
      await card.unblockChallenge()
      await no(foreign)
      await no(answer(first), stranger)
      assert.is((await card.pinStatus()).blocked, true)

      // A response that was misread is no reason for another challenge.
      const challenge = await card.unblockChallenge()
      await no(misread(answer(challenge)))
      await card.unblockWithResponse({ response: answer(challenge), newPin: NEW_PIN })
      await no(answer(challenge))
      await card.verifyPin(NEW_PIN)
      await refused('ERR_PIN_BLOCKED', 5, () => stranger.verifyPin(PIN))
      await card.close()
      await stranger.close()
    }))

  test(`${kind}: a challenge ends with the PIN, with the PUK and with the card`, () =>
    onBench(kind, async (bench) => {
      const card = await bench.create({ helpDeskPublicKey: desk.publicKey })
      const ends: ReadonlyArray<readonly [string, () => unknown]> = [
        ['VERIFY', () => card.verifyPin(PIN)],
        ['a wrong PIN', () => card.verifyPin(WRONG_PIN).catch((error) => assert.instance(error, PinError))],
        ['PUK', () => card.unblockPin({ puk: PUK, newPin: PIN })],
        ['a change', () => card.changePin({ pin: PIN, newPin: NEW_PIN })],
      ]
      for (const [what, end] of ends) {
        const response = answer(await card.unblockChallenge())
        await end()
        const error = await refused('ERR_HELP_DESK_REFUSED', 6, () =>
          card.unblockWithResponse({ response, newPin: NEW_PIN }),
        )
        assert.match(error.message, /No challenge is pending/, what)
      }
      const response = answer(await card.unblockChallenge())
      await card.close()
      const again = await bench.open()
      await refused('ERR_HELP_DESK_REFUSED', 6, () => again.unblockWithResponse({ response, newPin: PIN }))
      await again.verifyPin(NEW_PIN)
      await again.close()
    }))

  test(`${kind}: a card without a help desk has none, whoever answers`, () =>
    onBench(kind, async (bench) => {
      const card = await bench.create()
      await refused('ERR_HELP_DESK_ABSENT', 8, () => card.unblockChallenge())
      const foreign = await bench.create({ name: 'other', helpDeskPublicKey: desk.publicKey })
      const response = answer(await foreign.unblockChallenge())
      await refused('ERR_HELP_DESK_REFUSED', 6, () => card.unblockWithResponse({ response, newPin: NEW_PIN }))
      await refused('ERR_PIN_FORMAT', 4, () => foreign.unblockWithResponse({ response, newPin: '1' }))
      await foreign.unblockWithResponse({ response, newPin: NEW_PIN })
      await card.close()
      await foreign.close()
    }))
}

test.run()
