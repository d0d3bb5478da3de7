// When a key wants the PIN: never, once, always.
import { generateKeyPairSync } from 'node:crypto'
import type { Card } from '../../../src/index.ts'
import { certificateOf } from '../../../src/validate/card/certificate.ts'
import { ADMIN_KEY, PIN, PUK, type Subject } from '../subjects.ts'
import { type Clauses, message, NEW_PIN, NEW_PUK, refused, signs, WRONG_PIN, WRONG_PUK } from './clause.ts'

/** A card with a key of each policy: 9a once, 9c always, 9e never, 82 RSA always. */
async function furnished(subject: Subject): Promise<Card> {
  const { card } = await subject.fresh()
  await subject.manage(card)
  for (const slot of ['9a', '9c', '9e']) await card.generateKey(slot)
  return card
}

const ignored = (work: Promise<unknown>): Promise<unknown> => work.catch(() => undefined)
const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
const certificate = certificateOf(peer)

/** Calls that reach the card. `keys` and `keyInfo` may be answered without it. */
const CALLS: Readonly<Record<string, (card: Card) => Promise<unknown>>> = {
  'a signature of another key': (card) => card.sign('9a', message),
  'a signature that wants no PIN': (card) => card.sign('9e', message),
  'a secret agreed on by another key': (card) => card.deriveSecret('9a', peer),
  pinStatus: (card) => card.pinStatus(),
  'a wrong PIN': (card) => ignored(card.verifyPin(WRONG_PIN)),
  changePin: (card) =>
    card.changePin({ pin: PIN, newPin: NEW_PIN }).then(() => card.changePin({ pin: NEW_PIN, newPin: PIN })),
  changePuk: (card) =>
    card.changePuk({ puk: PUK, newPuk: NEW_PUK }).then(() => card.changePuk({ puk: NEW_PUK, newPuk: PUK })),
  'a wrong PUK': (card) => ignored(card.changePuk({ puk: WRONG_PUK, newPuk: NEW_PUK })),
  unblockPin: (card) => card.unblockPin({ puk: PUK, newPin: PIN }),
  authenticateAdmin: (card) => card.authenticateAdmin(ADMIN_KEY),
  generateKey: (card) => card.generateKey('82'),
  getCertificate: (card) => card.getCertificate('9c'),
  putCertificate: (card) => card.putCertificate('83', { certificate }),
  deleteCertificate: (card) => card.deleteCertificate('83'),
  getObject: (card) => card.getObject('chuid'),
  putObject: (card) => card.putObject('5f0001', message),
  deleteObject: (card) => card.deleteObject('5f0001'),
  lock: (card) => card.lock(),
}

/** Calls that PIV has no command for, and some cards have one of their own. */
const BEYOND: typeof CALLS = {
  importKey: (card) => card.importKey('83', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  'deleteKey of another': (card) => card.generateKey('84').then(() => card.deleteKey('84')),
  'moveKey of another': (card) => card.generateKey('84').then(() => card.moveKey('84', '85')),
  'deleteKey of none': (card) => ignored(card.deleteKey('95')),
  changeAdminKey: (card) => card.changeAdminKey(ADMIN_KEY),
  'a PIN kept for the last try': (card) => ignored(card.verifyPin(PIN, { minTriesLeft: 11 })),
}

const HELP_DESK: typeof CALLS = {
  'a challenge of the help desk': (card) => ignored(card.unblockChallenge()),
  'a response of the help desk': (card) => ignored(card.unblockWithResponse({ response: 'R-0', newPin: NEW_PIN })),
}

async function voids(subject: Subject, calls: typeof CALLS): Promise<void> {
  const card = await furnished(subject)
  for (const [what, call] of Object.entries(calls)) {
    await card.verifyPin(PIN)
    await call(card)
    await refused('ERR_PIN_REQUIRED', () => card.sign('9c', message)).catch((cause) => {
      throw new Error(`after ${what}`, { cause })
    })
    await card.verifyPin(PIN)
    await signs(card, '9c')
  }
}

export const POLICIES: Clauses = {
  'never: no PIN is wanted': async (subject) => {
    const card = await furnished(subject)
    await card.lock()
    await signs(card, '9e')
  },

  'once: one verified PIN serves every key of the kind, as often as they are used': async (subject) => {
    const card = await furnished(subject)
    await card.generateKey('9d', { algorithm: 'P-384' })
    await card.lock()
    for (const slot of ['9a', '9d']) await refused('ERR_PIN_REQUIRED', () => card.sign(slot, message))
    await card.verifyPin(PIN)
    for (let round = 0; round < 3; round += 1) {
      for (const slot of ['9a', '9d', '9e']) await signs(card, slot)
    }
  },

  'always: one use for each verified PIN, and the other keys go on': async (subject) => {
    const card = await furnished(subject)
    await refused('ERR_PIN_REQUIRED', () => card.sign('9c', message))
    for (let round = 0; round < 3; round += 1) {
      await card.verifyPin(PIN)
      await signs(card, '9c')
      await refused('ERR_PIN_REQUIRED', () => card.sign('9c', message))
      await signs(card, '9a')
      await refused('ERR_PIN_REQUIRED', () => card.sign('9c', message))
    }
  },

  'always: two verified PINs are still one use': async (subject) => {
    const card = await furnished(subject)
    await card.verifyPin(PIN)
    await card.verifyPin(PIN)
    await signs(card, '9c')
    await refused('ERR_PIN_REQUIRED', () => card.sign('9c', message))
  },

  'always: a changed PIN is no verified one': async (subject) => {
    const card = await furnished(subject)
    await card.changePin({ pin: PIN, newPin: NEW_PIN })
    await refused('ERR_PIN_REQUIRED', () => card.sign('9c', message))
    await card.verifyPin(NEW_PIN)
    await signs(card, '9c')
  },

  'always: whatever comes between VERIFY and the use voids it': (subject) => voids(subject, CALLS),

  'always: so do the calls that PIV has no command for': (subject) => voids(subject, BEYOND),

  'always: so do the calls of the help desk': (subject) => voids(subject, HELP_DESK),

  'a key may have another policy than its slot has by default': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    await card.generateKey('9c', { pinPolicy: 'never' })
    await card.generateKey('9e', { pinPolicy: 'always' })
    await card.generateKey('9a', { algorithm: 'RSA-2048', pinPolicy: 'always' })
    await card.lock()
    await signs(card, '9c')
    await refused('ERR_PIN_REQUIRED', () => card.sign('9e', message))
    for (const slot of ['9e', '9a']) {
      await signs(card, slot, { pin: PIN })
      await refused('ERR_PIN_REQUIRED', () => card.sign(slot, message))
    }
  },
}
