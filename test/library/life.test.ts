// takes: 15 s
// The life of a card through the public API, on the embedded TPM and on a swtpm: its PIN, its PUK, its end.
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, cardInfo, DEFAULT_PIN, destroyCard, listCards, openCard, PinError } from '../../src/index.ts'
import { KINDS, NEW_PIN, NEW_PUK, onBench, PIN, PUK, WRONG_PIN, WRONG_PUK } from './bench.ts'
import { refused } from './refusal.ts'
import { assertSigned } from './verify.ts'

const data = new TextEncoder().encode('A message to sign.')

/** Signs with a key and checks the signature. */
async function signs(card: Card, slot: string): Promise<void> {
  assertSigned((await card.keyInfo(slot)).publicKey, data, await card.sign(slot, data))
}

/** Spends tries until `left` are left. */
async function guessDown(card: Card, left: number): Promise<void> {
  for (let now = (await card.pinStatus()).triesLeft ?? 0; now > left; now -= 1) {
    const error = await refused('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN))
    assert.ok(error instanceof PinError)
    assert.equal([error.triesLeft, error.sw], [now - 1, 0x63c0 | (now - 1)])
  }
}

for (const kind of KINDS) {
  test(`${kind}: a card with the defaults; the PIN is changed before the first use of a key`, () =>
    onBench(kind, async ({ home, tcti, create }) => {
      const card = await create({ pin: DEFAULT_PIN, puk: '12345678' })
      assert.equal([card.name, card.assurance], ['work', 'software'])
      const status = { triesLeft: 5, tries: 5, blocked: false, verified: false, mustChange: true, advisory: false }
      assert.equal(await card.pinStatus(), {
        ...status,
        isDefault: true,
        puk: { triesLeft: 5, tries: 5, isDefault: true },
      })
      await card.verifyPin(DEFAULT_PIN)
      await card.generateKey('9a')
      await card.generateKey('9e')
      for (const slot of ['9a', '9e']) {
        await refused('ERR_PIN_CHANGE_REQUIRED', 7, () => card.sign(slot, data))
      }
      await refused('ERR_PIN_FORMAT', 4, () => card.changePin({ pin: DEFAULT_PIN, newPin: DEFAULT_PIN }))
      await card.changePin({ pin: DEFAULT_PIN, newPin: NEW_PIN })
      assert.equal([(await card.pinStatus()).mustChange, (await card.pinStatus()).verified], [false, true])
      await signs(card, '9a')
      await signs(card, '9e')
      await refused('ERR_PIN_WRONG', 4, () => card.verifyPin(DEFAULT_PIN))
      await card.close()
      const info = await cardInfo('work', { home })
      assert.equal([info.tcti, info.mustChangePin, info.defaults], [tcti, false, ['puk', 'adminKey']])
      assert.equal(info.keys.map((key) => [key.slot, key.pinPolicy]).sort(), [
        ['9a', 'once'],
        ['9e', 'never'],
      ])
    }))

  test(`${kind}: a PIN that has to be changed is also changed by unblocking`, () =>
    onBench(kind, async ({ create, open }) => {
      const made = await create({ mustChangePin: true })
      assert.is((await made.pinStatus()).mustChange, true)
      await made.unblockPin({ puk: PUK, newPin: NEW_PIN })
      await made.close()
      const card = await open()
      const { mustChange, verified } = await card.pinStatus()
      assert.equal([mustChange, verified], [false, false], 'unblocked is not unlocked')
      await card.verifyPin(NEW_PIN)
      await card.close()
    }))

  test(`${kind}: formats are checked before anything is sent, and no try is spent`, () =>
    onBench(kind, async ({ create, spent }) => {
      const card = await create()
      const { commands } = await spent(async () => {
        for (const pin of ['', '12345', '123456789', '12345a', '１２３４５６', new Uint8Array(6)]) {
          await refused('ERR_PIN_FORMAT', 4, () => card.verifyPin(pin))
          await refused('ERR_PIN_FORMAT', 4, () => card.changePin({ pin: PIN, newPin: pin }))
          await refused('ERR_PIN_FORMAT', 4, () => card.unblockPin({ puk: PUK, newPin: pin }))
        }
        for (const puk of ['', 'seven77', 'nine99999', 'tab\tchar', 'umläut!']) {
          await refused('ERR_PUK_FORMAT', 6, () => card.changePuk({ puk, newPuk: NEW_PUK }))
          await refused('ERR_PUK_FORMAT', 6, () => card.changePuk({ puk: PUK, newPuk: puk }))
          await refused('ERR_PUK_FORMAT', 6, () => card.unblockPin({ puk, newPin: NEW_PIN }))
        }
      })
      assert.equal(commands, {})
      assert.is((await card.pinStatus()).triesLeft, 5)
      await card.close()
    }))

  test(`${kind}: wrong PINs until it is blocked, the PUK until that is; each says what is left`, () =>
    onBench(kind, async ({ create, open }) => {
      const made = await create({ pinTries: 3, pukTries: 2 })
      await made.verifyPin(PIN)
      await made.generateKey('9a')
      await signs(made, '9a')
      await refused('ERR_PIN_WRONG', 4, () => made.verifyPin(WRONG_PIN))
      await refused('ERR_PIN_REQUIRED', 4, () => made.sign('9a', data))
      await made.verifyPin(PIN)
      assert.is((await made.pinStatus()).triesLeft, 3, 'the right PIN gives the tries back')
      await refused('ERR_PIN_WRONG', 4, () => made.changePin({ pin: WRONG_PIN, newPin: NEW_PIN }))
      await made.close()

      const card = await open()
      await guessDown(card, 0)
      for (const pin of [PIN, WRONG_PIN]) {
        const error = await refused('ERR_PIN_BLOCKED', 5, () => card.verifyPin(pin))
        assert.match(error.message, 'tessera pin status')
        assert.equal([error instanceof PinError && error.triesLeft, error.sw], [0, 0x6983])
      }
      await refused('ERR_PIN_BLOCKED', 5, () => card.changePin({ pin: PIN, newPin: NEW_PIN }))
      assert.equal([(await card.pinStatus()).blocked, (await card.pinStatus()).triesLeft], [true, 0])
      await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9a', data))

      const wrong = await refused('ERR_PUK_WRONG', 6, () => card.unblockPin({ puk: WRONG_PUK, newPin: NEW_PIN }))
      assert.is(wrong instanceof PinError && wrong.triesLeft, 1)
      await card.unblockPin({ puk: PUK, newPin: NEW_PIN })
      assert.equal((await card.pinStatus()).puk, { triesLeft: 2, tries: 2, isDefault: false })
      await refused('ERR_PIN_WRONG', 4, () => card.verifyPin(PIN))
      await card.verifyPin(NEW_PIN)
      await signs(card, '9a')

      await card.changePuk({ puk: PUK, newPuk: NEW_PUK })
      for (const left of [1, 0]) {
        const error = await refused('ERR_PUK_WRONG', 6, () => card.unblockPin({ puk: PUK, newPin: PIN }))
        assert.is(error instanceof PinError && error.triesLeft, left)
      }
      await refused('ERR_PUK_BLOCKED', 6, () => card.unblockPin({ puk: NEW_PUK, newPin: PIN }))
      await refused('ERR_PUK_BLOCKED', 6, () => card.changePuk({ puk: NEW_PUK, newPuk: PUK }))
      await card.verifyPin(NEW_PIN)
      await card.close()
    }))

  test(`${kind}: a card without a PUK says so, and nobody has one`, () =>
    onBench(kind, async ({ home, create }) => {
      const card = await create({ noPuk: true, pinTries: 1 })
      assert.is((await card.pinStatus()).puk, undefined)
      assert.is((await cardInfo('work', { home })).pukTries, undefined)
      await guessDown(card, 0)
      await refused('ERR_PUK_ABSENT', 8, () => card.unblockPin({ puk: PUK, newPin: NEW_PIN }))
      await refused('ERR_PUK_ABSENT', 8, () => card.changePuk({ puk: PUK, newPuk: NEW_PUK }))
      await refused('ERR_HELP_DESK_ABSENT', 8, () => card.unblockChallenge())
      await refused('ERR_PIN_BLOCKED', 5, () => card.verifyPin(PIN))
      await card.close()
    }))

  test(`${kind}: once, always and never mean what they say`, () =>
    onBench(kind, async ({ create }) => {
      const card = await create()
      await refused('ERR_PIN_REQUIRED', 4, () => card.generateKey('9a'))
      await card.verifyPin(PIN)
      const policies = { '9a': 'once', '9c': 'always', '9d': 'once', '9e': 'never', '82': 'once' }
      for (const [slot, pinPolicy] of Object.entries(policies)) {
        await card.generateKey(slot)
        assert.is((await card.keyInfo(slot)).pinPolicy, pinPolicy, 'as SP 800-73 has it')
      }
      // The PIN was verified when there was no such key: it has to be verified again.
      await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9c', data))
      for (let i = 0; i < 3; i += 1) {
        await card.verifyPin(PIN)
        await signs(card, '9c')
        await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9c', data))
        await signs(card, '9a')
        await signs(card, '9d')
        await signs(card, '9e')
      }
      const between: Record<string, () => unknown> = {
        'a signature of another key': () => card.sign('9a', data),
        'a signature without PIN': () => card.sign('9e', data),
        'the status': () => card.pinStatus(),
        'a new key': () => card.generateKey('82'),
      }
      for (const [what, call] of Object.entries(between)) {
        await card.verifyPin(PIN)
        await call()
        await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9c', data)).catch((error) => {
          throw new Error(`after ${what}`, { cause: error })
        })
      }
      await signs(card, '9a')

      await card.verifyPin(PIN)
      await card.lock()
      assert.is((await card.pinStatus()).verified, false)
      for (const slot of ['9a', '9c']) await refused('ERR_PIN_REQUIRED', 4, () => card.sign(slot, data))
      await signs(card, '9e')
      await card.verifyPin(PIN)
      await card.lock()
      await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9c', data))
      await card.close()
      await refused('ERR_CARD_CLOSED', 1, () => card.sign('9e', data))
      await refused('ERR_CARD_CLOSED', 1, () => card.verifyPin(PIN))
      await card.close()
    }))

  test(`${kind}: destroyed is destroyed, also for a copy of the file`, () =>
    onBench(kind, async ({ home, create, open }) => {
      const card = await create()
      await card.verifyPin(PIN)
      for (const slot of ['9a', '9c', '9e']) await card.generateKey(slot)
      await card.close()
      const path = join(home, 'cards', 'work.card')
      const copy = join(home, 'copy')
      copyFileSync(path, copy)
      await destroyCard('work', { home })
      assert.not(existsSync(path))
      assert.equal(await listCards({ home }), [])
      await refused('ERR_CARD_NOT_FOUND', 3, open)
      await refused('ERR_CARD_NOT_FOUND', 3, () => destroyCard('work', { home }))

      copyFileSync(copy, path)
      const back = await open()
      await refused('ERR_CARD_DEAD', 3, () => back.verifyPin(PIN))
      await refused('ERR_CARD_DEAD', 3, () => back.pinStatus())
      await refused('ERR_CARD_DEAD', 3, () => back.changePin({ pin: PIN, newPin: NEW_PIN }))
      await refused('ERR_CARD_DEAD', 3, () => back.unblockPin({ puk: PUK, newPin: NEW_PIN }))
      for (const slot of ['9a', '9c']) await refused('ERR_PIN_REQUIRED', 4, () => back.sign(slot, data))
      // As docs say: such a key does not hang on the PIN.
      await signs(back, '9e')
      await back.close()
      assert.equal(readFileSync(path), readFileSync(copy))
      await destroyCard('work', { home })
      assert.not(existsSync(path))
    }))

  test(`${kind}: several cards in one TPM do not disturb each other`, () =>
    onBench(kind, async ({ home, create, open }) => {
      const cards = [await create({ name: 'one' }), await create({ name: 'two', pin: NEW_PIN })] as const
      await refused('ERR_CARD_EXISTS', 2, () => create({ name: 'one' }))
      await cards[0].verifyPin(PIN)
      await cards[1].verifyPin(NEW_PIN)
      for (const card of cards) {
        await card.generateKey('9a')
        await card.generateKey('9c')
      }
      for (let i = 0; i < 2; i += 1) for (const card of cards) await signs(card, '9a')
      await refused('ERR_PIN_WRONG', 4, () => cards[0].verifyPin(NEW_PIN))
      await signs(cards[1], '9a')
      assert.equal(
        (await Promise.all(cards.map((card) => card.pinStatus()))).map((status) => status.triesLeft),
        [4, 5],
      )
      const again = await open('two')
      await refused('ERR_PIN_REQUIRED', 4, () => again.sign('9a', data))
      await again.close()
      await signs(cards[1], '9a')
      for (const card of cards) await card.close()
      await destroyCard('one', { home })
      const two = await openCard({ name: 'two', home })
      await two.verifyPin(NEW_PIN)
      await signs(two, '9a')
      await two.close()
    }))
}

test.run()
