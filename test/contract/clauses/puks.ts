// The PUK, and the help desk.
import { generateKeyPairSync } from 'node:crypto'
import * as assert from 'uvu/assert'
import { DEFAULT_PUK, respondToChallenge } from '../../../src/index.ts'
import { PIN, PUK } from '../subjects.ts'
import { type Clauses, message, NEW_PIN, NEW_PUK, refused, signs, WRONG_PIN, WRONG_PUK, wrong } from './clause.ts'

const MALFORMED = ['', '1234567', '123456789', 'pässwort', '1234567\n', '1234567\x7f']

export const PUKS: Clauses = {
  'the PUK gives a blocked PIN a new value and all its tries; it is not verified by that': async (subject) => {
    const { card } = await subject.fresh({ pinTries: 2 })
    await subject.manage(card)
    await card.generateKey('9a')
    await card.lock()
    for (const left of [1, 0]) await wrong('ERR_PIN_WRONG', left, () => card.verifyPin(WRONG_PIN))
    await card.unblockPin({ puk: PUK, newPin: NEW_PIN })
    const { verified, blocked, triesLeft } = await card.pinStatus()
    assert.equal([verified, blocked, triesLeft], [false, false, 2])
    await refused('ERR_PIN_REQUIRED', () => card.sign('9a', message))
    await wrong('ERR_PIN_WRONG', 1, () => card.verifyPin(PIN))
    await card.verifyPin(NEW_PIN)
    await signs(card, '9a')
  },

  'the PUK serves a PIN that is not blocked as well': async (subject) => {
    const { card } = await subject.fresh()
    await wrong('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN))
    await card.unblockPin({ puk: PUK, newPin: PIN })
    assert.is((await card.pinStatus()).triesLeft, 5)
    await card.verifyPin(PIN)
  },

  'a wrong PUK costs one of its tries and none of the PIN; the right one gives them back': async (subject) => {
    const { card } = await subject.fresh({ pukTries: 3 })
    await wrong('ERR_PUK_WRONG', 2, () => card.unblockPin({ puk: WRONG_PUK, newPin: NEW_PIN }))
    await wrong('ERR_PUK_WRONG', 1, () => card.changePuk({ puk: WRONG_PUK, newPuk: NEW_PUK }))
    assert.is((await card.pinStatus()).triesLeft, 5)
    await card.unblockPin({ puk: PUK, newPin: NEW_PIN })
    await wrong('ERR_PUK_WRONG', 2, () => card.unblockPin({ puk: WRONG_PUK, newPin: PIN }))
    await card.verifyPin(NEW_PIN)
  },

  'a blocked PUK is final, and the PIN goes on': async (subject) => {
    const { card } = await subject.fresh({ pukTries: 2 })
    for (const left of [1, 0]) {
      await wrong('ERR_PUK_WRONG', left, () => card.unblockPin({ puk: WRONG_PUK, newPin: NEW_PIN }))
    }
    const { card: later } = await subject.again()
    await refused('ERR_PUK_BLOCKED', () => later.unblockPin({ puk: PUK, newPin: NEW_PIN }))
    await refused('ERR_PUK_BLOCKED', () => later.changePuk({ puk: PUK, newPuk: NEW_PUK }))
    await later.verifyPin(PIN)
    await later.changePin({ pin: PIN, newPin: NEW_PIN })
  },

  'a changed PUK: the old one never works again': async (subject) => {
    const { card } = await subject.fresh()
    await card.changePuk({ puk: PUK, newPuk: NEW_PUK })
    await wrong('ERR_PUK_WRONG', 4, () => card.unblockPin({ puk: PUK, newPin: NEW_PIN }))
    await card.unblockPin({ puk: NEW_PUK, newPin: NEW_PIN })
    await card.verifyPin(NEW_PIN)
  },

  'changing the PUK leaves the PIN verified': async (subject) => {
    const { card } = await subject.fresh()
    await card.verifyPin(PIN)
    await card.changePuk({ puk: PUK, newPuk: NEW_PUK })
    assert.is((await card.pinStatus()).verified, true)
  },

  'a malformed PUK is refused before anything is sent, and so is the default as a new one': async (subject) => {
    const { card } = await subject.fresh({ pukTries: 1 })
    for (const puk of MALFORMED) {
      await refused('ERR_PUK_FORMAT', () => card.unblockPin({ puk, newPin: NEW_PIN }))
      await refused('ERR_PUK_FORMAT', () => card.changePuk({ puk, newPuk: NEW_PUK }))
      await refused('ERR_PUK_FORMAT', () => card.changePuk({ puk: PUK, newPuk: puk }))
    }
    await refused('ERR_PUK_FORMAT', () => card.changePuk({ puk: PUK, newPuk: DEFAULT_PUK }))
    await card.unblockPin({ puk: PUK, newPin: NEW_PIN })
  },

  'a card without a PUK says so': async (subject) => {
    const { card } = await subject.fresh({ noPuk: true })
    assert.is((await card.pinStatus()).puk, undefined)
    await refused('ERR_PUK_ABSENT', () => card.unblockPin({ puk: PUK, newPin: NEW_PIN }))
    await refused('ERR_PUK_ABSENT', () => card.changePuk({ puk: PUK, newPuk: NEW_PUK }))
    await card.verifyPin(PIN)
  },

  'nothing unblocks a card without a PUK': async (subject) => {
    const { card } = await subject.fresh({ noPuk: true, pinTries: 1 })
    await wrong('ERR_PIN_WRONG', 0, () => card.verifyPin(WRONG_PIN))
    const ending = await card.unblockPin({ puk: PUK, newPin: NEW_PIN }).then(
      () => 'unblocked',
      (error) => error.code,
    )
    assert.ok(['ERR_PUK_ABSENT', 'ERR_PUK_BLOCKED', 'ERR_PUK_WRONG'].includes(ending), ending)
    await refused('ERR_PIN_BLOCKED', () => card.verifyPin(NEW_PIN))
  },

  'the help desk unblocks, once for each challenge': async (subject) => {
    const desk = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { card } = await subject.fresh({ helpDesk: desk.publicKey, pinTries: 1, noPuk: true })
    await wrong('ERR_PIN_WRONG', 0, () => card.verifyPin(WRONG_PIN))
    const response = respondToChallenge(await card.unblockChallenge(), desk.privateKey)
    await card.unblockWithResponse({ response, newPin: NEW_PIN })
    assert.is((await card.pinStatus()).verified, false)
    await refused('ERR_HELP_DESK_REFUSED', () => card.unblockWithResponse({ response, newPin: PIN }))
    await card.verifyPin(NEW_PIN)
  },

  'a card without a help desk says so': async (subject) => {
    const { card } = await subject.fresh()
    await refused('ERR_HELP_DESK_ABSENT', () => card.unblockChallenge())
    await refused('ERR_HELP_DESK_REFUSED', () => card.unblockWithResponse({ response: 'R-0', newPin: NEW_PIN }))
    await card.verifyPin(PIN)
  },
}
