// The PIN that comes with the use of a key: one transaction, and asked for when it is wanted.
import { createHash, diffieHellman, generateKeyPairSync, publicEncrypt } from 'node:crypto'
import * as assert from 'uvu/assert'
import type { AskPin, Card, PinRequest } from '../../../src/index.ts'
import { ADMIN_KEY, PIN, PUK, type Subject } from '../subjects.ts'
import { assertSigned, type Clauses, foreign, message, NEW_PIN, refused, signs, WRONG_PIN, wrong } from './clause.ts'

const NEVER_ASKED: AskPin = () => {
  throw new Error('nobody was to be asked')
}

/** A card with a key of each policy, and nothing verified: 9a once, 9c always, 9e never. */
async function furnished(subject: Subject, options: Parameters<Subject['fresh']>[0] = {}): Promise<Card> {
  const { card } = await subject.fresh(options)
  await subject.manage(card)
  for (const slot of ['9a', '9c', '9e']) await card.generateKey(slot)
  await card.lock()
  return card
}

/** Answers the PIN, and keeps what it was asked for. */
function asking(pin = PIN): { readonly pin: AskPin; readonly asked: PinRequest[] } {
  const asked: PinRequest[] = []
  return {
    asked,
    pin: (request) => {
      asked.push(request)
      return pin
    },
  }
}

export const USES: Clauses = {
  'a PIN with the use serves that use, whatever the policy of the key': async (subject) => {
    const card = await furnished(subject)
    for (let round = 0; round < 2; round += 1) {
      for (const slot of ['9c', '9a', '9e']) await signs(card, slot, { pin: PIN })
    }
    assert.is((await card.pinStatus()).verified, true)
    await signs(card, '9a', {})
    await refused('ERR_PIN_REQUIRED', () => card.sign('9c', message))
  },

  'a PIN with the use serves every kind of use': async (subject) => {
    const card = await furnished(subject)
    const { privateKey, publicKey: theirs } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await subject.manage(card)
    const ours = await card.generateKey('82', { pinPolicy: 'always' })
    const rsa = await card.generateKey('83', { algorithm: 'RSA-2048', pinPolicy: 'always' })
    const text = publicEncrypt({ key: rsa, oaepHash: 'sha256' }, message)
    await card.lock()
    const secret = await card.deriveSecret('82', theirs, { pin: PIN })
    assert.equal(secret, Uint8Array.from(diffieHellman({ privateKey, publicKey: ours })))
    assert.equal(await card.decrypt('83', text, { pin: PIN }), message)
    assertSigned(
      ours,
      message,
      await card.signDigest('82', createHash('sha256').update(message).digest(), { pin: PIN }),
    )
    const parts = async function* () {
      yield* [message, message]
    }
    const octets = new TextEncoder().encode(PIN)
    const signature = await card.sign('83', parts(), { pin: octets, padding: 'pss' })
    assertSigned(rsa, Buffer.concat([message, message]), signature, { padding: 'pss' })
    assert.equal(octets, new TextEncoder().encode(PIN), 'what the caller handed in is his')
    for (const slot of ['82', '83']) await refused('ERR_PIN_REQUIRED', () => card.sign(slot, message))
  },

  'a wrong PIN with the use costs one try, uses no key, and ends what was verified': async (subject) => {
    const card = await furnished(subject, { pinTries: 3 })
    await card.verifyPin(PIN)
    for (const [slot, left] of [
      ['9c', 2],
      ['9e', 1],
    ] as const) {
      await wrong('ERR_PIN_WRONG', left, () => card.sign(slot, message, { pin: WRONG_PIN }))
      assert.is((await card.pinStatus()).verified, false)
    }
    await refused('ERR_PIN_LAST_TRY', () => card.sign('9c', message, { pin: WRONG_PIN, minTriesLeft: 2 }))
    assert.is((await card.pinStatus()).triesLeft, 1)
    await signs(card, '9c', { pin: PIN, minTriesLeft: 1 })
    for (const left of [2, 1, 0]) {
      await wrong('ERR_PIN_WRONG', left, () => card.sign('9a', message, { pin: WRONG_PIN }))
    }
    await refused('ERR_PIN_BLOCKED', () => card.sign('9a', message, { pin: PIN }))
    await signs(card, '9e', {})
  },

  'what cannot come to a use verifies no PIN and costs no try': async (subject) => {
    const card = await furnished(subject)
    for (const pin of ['', '12345', '12345a', '123456789']) {
      await refused('ERR_PIN_FORMAT', () => card.sign('9c', message, { pin }))
    }
    for (const pin of [PIN, WRONG_PIN]) {
      await refused('ERR_DATA', () => card.signDigest('9c', new Uint8Array(33), { pin }))
      await refused('ERR_NOT_SUPPORTED', () => card.decrypt('9c', new Uint8Array(256), { pin }))
      await refused('ERR_DATA', () => card.deriveSecret('9c', foreign.publicKey, { pin }))
      await refused('ERR_KEY_ABSENT', () => card.sign('95', message, { pin }))
      await refused('ERR_SLOT', () => card.sign('9b', message, { pin }))
      await refused('ERR_ALGORITHM', () => card.sign('9c', message, { pin, hash: 'SHA-1' }))
    }
    const { verified, triesLeft } = await card.pinStatus()
    assert.equal([verified, triesLeft], [false, 5])
  },

  'uses with their PINs may be outstanding together': async (subject) => {
    const card = await furnished(subject)
    const key = (await card.keyInfo('9c')).publicKey
    const signed = await Promise.all([
      card.sign('9c', message, { pin: PIN }),
      card.sign('9c', message, { pin: PIN }),
      card.pinStatus().then(() => card.sign('9c', message, { pin: asking().pin })),
      card.sign('9e', message),
      card.sign('9c', message, { pin: PIN }),
    ])
    for (const signature of [signed[0], signed[1], signed[2], signed[4]]) assertSigned(key, message, signature)
  },

  'the PIN is asked for when the key wants it, and the reason is told': async (subject) => {
    const card = await furnished(subject)
    await signs(card, '9e', { pin: NEVER_ASKED })
    const once = asking()
    await signs(card, '9a', { pin: once.pin })
    await signs(card, '9a', { pin: NEVER_ASKED })
    assert.equal(
      once.asked.map(({ slot, use, pinPolicy, triesLeft }) => [slot, use, pinPolicy, triesLeft]),
      [['9a', 'sign', 'once', 5]],
    )
    const always = asking()
    for (let round = 0; round < 2; round += 1) await signs(card, '9c', { pin: always.pin })
    const reason = 'The key in slot 9c (signature) is to sign, and wants the PIN for every use.'
    assert.equal(
      always.asked.map((request) => [request.pinPolicy, request.reason]),
      [
        ['always', reason],
        ['always', reason],
      ],
    )
  },

  'who is asked may take his time, call the card, and say no': async (subject) => {
    const card = await furnished(subject)
    await signs(card, '9c', {
      pin: async () => {
        assert.is((await card.pinStatus()).verified, false)
        await card.sign('9e', message)
        return new TextEncoder().encode(PIN)
      },
    })
    const no = new RangeError('no')
    let parts = 0
    const source = async function* () {
      parts += 1
      yield message
    }
    const refusing: readonly AskPin[] = [
      () => Promise.reject(no),
      () => {
        throw no
      },
    ]
    for (const pin of refusing) {
      await card.sign('9c', source(), { pin }).then(
        () => assert.unreachable('it was signed'),
        (error: unknown) => assert.is(error, no),
      )
    }
    assert.is(parts, 0, 'the message is read after the PIN is there')
    await refused('ERR_PIN_FORMAT', () => card.sign('9c', message, { pin: () => 'abc' }))
    await wrong('ERR_PIN_WRONG', 4, () => card.sign('9c', message, { pin: WRONG_PIN }))
  },

  'nobody is asked for a PIN in vain': async (subject) => {
    const card = await furnished(subject, { pinTries: 2 })
    await refused('ERR_KEY_ABSENT', () => card.sign('95', message, { pin: NEVER_ASKED }))
    await wrong('ERR_PIN_WRONG', 1, () => card.sign('9a', message, { pin: asking(WRONG_PIN).pin }))
    await refused('ERR_PIN_LAST_TRY', () => card.sign('9a', message, { pin: NEVER_ASKED, minTriesLeft: 2 }))
    await wrong('ERR_PIN_WRONG', 0, () => card.sign('9a', message, { pin: WRONG_PIN }))
    await refused('ERR_PIN_BLOCKED', () => card.sign('9c', message, { pin: NEVER_ASKED }))
    await signs(card, '9e', { pin: NEVER_ASKED })
    await card.unblockPin({ puk: PUK, newPin: NEW_PIN })
    await signs(card, '9c', { pin: asking(NEW_PIN).pin })
  },

  'a PIN that has to be changed comes before a use with the PIN as well': async (subject) => {
    const { card } = await subject.fresh({ mustChangePin: true })
    await card.authenticateAdmin(ADMIN_KEY)
    for (const slot of ['9a', '9c', '9e']) await card.generateKey(slot)
    for (const slot of ['9a', '9c', '9e']) {
      await refused('ERR_PIN_CHANGE_REQUIRED', () => card.sign(slot, message, { pin: PIN }))
      await refused('ERR_PIN_CHANGE_REQUIRED', () => card.sign(slot, message, { pin: asking().pin }))
    }
    await card.changePin({ pin: PIN, newPin: NEW_PIN })
    await signs(card, '9c', { pin: NEW_PIN })
  },
}
