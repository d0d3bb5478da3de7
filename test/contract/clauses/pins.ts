// The PIN.
import * as assert from 'uvu/assert'
import { DEFAULT_PIN } from '../../../src/index.ts'
import { within } from '../../support/temp.ts'
import { inItsTime } from '../../support/times.ts'
import { PIN, PUK } from '../subjects.ts'
import { type Clauses, message, NEW_PIN, refused, signs, WRONG_PIN, wrong } from './clause.ts'

const MALFORMED = ['', '12345', '123456789', '12345a', 'abcdef', ' 123456', '123456\n', '１２３４５６']

export const PINS: Clauses = {
  'a new card has all its tries, and nothing is verified': async (subject) => {
    const { card } = await subject.fresh({ pinTries: 7 })
    const { triesLeft, blocked, verified, mustChange } = await card.pinStatus()
    assert.equal(
      { triesLeft, blocked, verified, mustChange },
      {
        triesLeft: 7,
        blocked: false,
        verified: false,
        mustChange: false,
      },
    )
  },

  'the tries in all and those of the PUK are told, and that nothing has its first value': async (subject) => {
    const { card } = await subject.fresh({ pinTries: 7, pukTries: 3 })
    const { tries, triesLeft, advisory, isDefault, puk } = await card.pinStatus()
    assert.equal([tries, triesLeft, advisory, isDefault], [7, 7, false, false])
    assert.equal(puk, { triesLeft: 3, tries: 3, isDefault: false })
    await card.verifyPin(PIN)
    const { triesLeft: still, verified } = await card.pinStatus()
    assert.equal([still, verified], [7, true], 'also while the PIN is verified')
  },

  'the owner of the card is told its name, and where it lives': async (subject) => {
    const { card } = await subject.fresh()
    assert.equal([card.name.startsWith('card-'), card.assurance], [true, 'software'])
  },

  'the right PIN verifies, as text and as octets, and again and again': async (subject) => {
    const { card } = await subject.fresh()
    const octets = new TextEncoder().encode(PIN)
    for (const pin of [PIN, octets, PIN]) {
      await card.verifyPin(pin)
      assert.is((await card.pinStatus()).verified, true)
    }
    assert.equal(octets, new TextEncoder().encode(PIN), 'what the caller handed in is his')
  },

  'PINs have 6, 7 or 8 digits': async (subject) => {
    const { card } = await subject.fresh({ pin: '000000' })
    let pin = '000000'
    for (const newPin of ['1234567', '99999999', '654321', '00000000']) {
      await card.changePin({ pin, newPin })
      await card.lock()
      await card.verifyPin(newPin)
      pin = newPin
    }
    for (const other of ['000000', '0000000']) await refused('ERR_PIN_WRONG', () => card.verifyPin(other))
  },

  'a malformed PIN is refused before anything is sent, and costs no try': async (subject) => {
    const { card } = await subject.fresh()
    for (const pin of MALFORMED) {
      await refused('ERR_PIN_FORMAT', () => card.verifyPin(pin))
      await refused('ERR_PIN_FORMAT', () => card.changePin({ pin, newPin: NEW_PIN }))
      await refused('ERR_PIN_FORMAT', () => card.changePin({ pin: PIN, newPin: pin }))
      await refused('ERR_PIN_FORMAT', () => card.unblockPin({ puk: PUK, newPin: pin }))
    }
    assert.is((await card.pinStatus()).triesLeft, 5)
    await card.verifyPin(PIN)
  },

  'a wrong PIN costs one try and ends what was verified; the right one gives the tries back': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    await card.generateKey('9a')
    await card.verifyPin(PIN)
    await wrong('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN))
    const { verified, triesLeft } = await card.pinStatus()
    assert.equal([verified, triesLeft], [false, 4])
    await refused('ERR_PIN_REQUIRED', () => card.sign('9a', message))
    await wrong('ERR_PIN_WRONG', 3, () => card.verifyPin(WRONG_PIN))
    await card.verifyPin(PIN)
    await signs(card, '9a')
    await wrong('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN))
  },

  'tries run out: then also the right PIN is refused, and says so': async (subject) => {
    const { card } = await subject.fresh({ pinTries: 3 })
    await subject.manage(card)
    await card.generateKey('9a')
    await card.generateKey('9e')
    for (const left of [2, 1, 0]) await wrong('ERR_PIN_WRONG', left, () => card.verifyPin(WRONG_PIN))
    for (const pin of [PIN, WRONG_PIN]) {
      const error = await refused('ERR_PIN_BLOCKED', () => card.verifyPin(pin))
      assert.is(error.sw, 0x6983)
    }
    await refused('ERR_PIN_BLOCKED', () => card.changePin({ pin: PIN, newPin: NEW_PIN }))
    await refused('ERR_PIN_REQUIRED', () => card.sign('9a', message))
    await signs(card, '9e')
    const { blocked, triesLeft, verified } = await card.pinStatus()
    assert.equal([blocked, triesLeft, verified], [true, 0, false])
    const { card: later } = await subject.again()
    await refused('ERR_PIN_BLOCKED', () => later.verifyPin(PIN))
  },

  'a changed PIN: the old one never works again, and the card is verified': async (subject) => {
    const { card } = await subject.fresh()
    await wrong('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN))
    await card.changePin({ pin: PIN, newPin: NEW_PIN })
    assert.is((await card.pinStatus()).verified, true)
    await wrong('ERR_PIN_WRONG', 4, () => card.verifyPin(PIN))
    const { card: later } = await subject.again()
    await wrong('ERR_PIN_WRONG', 3, () => later.verifyPin(PIN))
    await later.verifyPin(NEW_PIN)
  },

  'changing with a wrong PIN costs one try, ends what was verified, and changes nothing': async (subject) => {
    const { card } = await subject.fresh()
    await card.verifyPin(PIN)
    await wrong('ERR_PIN_WRONG', 4, () => card.changePin({ pin: WRONG_PIN, newPin: NEW_PIN }))
    assert.is((await card.pinStatus()).verified, false)
    await wrong('ERR_PIN_WRONG', 3, () => card.verifyPin(NEW_PIN))
    await card.verifyPin(PIN)
  },

  'the default PIN is no new PIN': async (subject) => {
    const { card } = await subject.fresh()
    await refused('ERR_PIN_FORMAT', () => card.changePin({ pin: PIN, newPin: DEFAULT_PIN }))
    await refused('ERR_PIN_FORMAT', () => card.unblockPin({ puk: PUK, newPin: DEFAULT_PIN }))
    assert.is((await card.pinStatus()).triesLeft, 5)
    await card.verifyPin(PIN)
  },

  'a PIN that has to be changed comes before the first use of a key, whatever its policy': async (subject) => {
    for (const change of ['changePin', 'unblockPin'] as const) {
      const { card } = await subject.fresh({ mustChangePin: true })
      await subject.manage(card)
      for (const slot of ['9a', '9c', '9e']) await card.generateKey(slot)
      await card.verifyPin(PIN)
      for (const slot of ['9a', '9e']) await refused('ERR_PIN_CHANGE_REQUIRED', () => card.sign(slot, message))
      await refused('ERR_PIN_CHANGE_REQUIRED', () => card.sign('9c', message, { pin: PIN }))
      if (change === 'changePin') await card.changePin({ pin: PIN, newPin: NEW_PIN })
      else await card.unblockPin({ puk: PUK, newPin: NEW_PIN })
      assert.is((await card.pinStatus()).mustChange, false)
      await signs(card, '9c', { pin: NEW_PIN })
      await card.verifyPin(NEW_PIN)
      for (const slot of ['9a', '9e']) await signs(card, slot)
    }
  },

  'the least tries that are to be left are kept, and nothing is sent': async (subject) => {
    const { card } = await subject.fresh({ pinTries: 3 })
    await wrong('ERR_PIN_WRONG', 2, () => card.verifyPin(WRONG_PIN, { minTriesLeft: 3 }))
    await refused('ERR_PIN_LAST_TRY', () => card.verifyPin(PIN, { minTriesLeft: 3 }))
    await wrong('ERR_PIN_WRONG', 1, () => card.verifyPin(WRONG_PIN, { minTriesLeft: 2 }))
    for (const pin of [PIN, WRONG_PIN]) {
      const error = await refused('ERR_PIN_LAST_TRY', () => card.verifyPin(pin, { minTriesLeft: 2 }))
      assert.match(error.message, 'Only 1 try')
    }
    assert.is((await card.pinStatus()).triesLeft, 1)
    await card.verifyPin(PIN, { minTriesLeft: 1 })
    await card.verifyPin(PIN, { minTriesLeft: 3 })
    for (const left of [2, 1, 0]) await wrong('ERR_PIN_WRONG', left, () => card.verifyPin(WRONG_PIN))
    await refused('ERR_PIN_BLOCKED', () => card.verifyPin(PIN, { minTriesLeft: 2 }))
  },

  'what was verified ends with lock, and with the card being closed': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    await card.generateKey('9a')
    await card.verifyPin(PIN)
    await card.lock()
    assert.is((await card.pinStatus()).verified, false)
    await refused('ERR_PIN_REQUIRED', () => card.sign('9a', message))
    await card.verifyPin(PIN)
    const { card: later } = await subject.again()
    const { verified, triesLeft } = await later.pinStatus()
    assert.equal([verified, triesLeft], [false, 5])
  },

  'what was verified ends with its time': async (subject) => {
    const { card } = await subject.fresh({ unlockSeconds: 1 })
    await subject.manage(card)
    await card.generateKey('9a')
    await inItsTime(1000, async () => {
      await card.verifyPin(PIN)
      await card.sign('9a', message)
    })
    const over = async () => {
      while ((await card.pinStatus()).verified) await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await within(over(), 120_000, 'it stays verified')
    await refused('ERR_PIN_REQUIRED', () => card.sign('9a', message))
    assert.is((await card.pinStatus()).triesLeft, 5)
    await inItsTime(1000, async () => {
      await card.verifyPin(PIN)
      await card.sign('9a', message)
    })
  },
}
