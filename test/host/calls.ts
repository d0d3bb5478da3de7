// Every call of `Card` that reaches a card, for tests that go through all of them.
import { generateKeyPairSync } from 'node:crypto'
import type { Card } from '../../src/index.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { NEW_PIN, NEW_PUK } from '../contract/clauses/clause.ts'
import { PUK } from '../contract/subjects.ts'
import { ADMIN_KEY, PIN } from './shown.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const certificate = certificateOf(publicKey)
const data = new Uint8Array(100)

export const CALLS: Readonly<Record<string, (card: Card) => Promise<unknown>>> = {
  verifyPin: (card) => card.verifyPin(PIN),
  'verifyPin, with tries kept': (card) => card.verifyPin(PIN, { minTriesLeft: 2 }),
  lock: (card) => card.lock(),
  pinStatus: (card) => card.pinStatus(),
  changePin: (card) => card.changePin({ pin: PIN, newPin: NEW_PIN }),
  changePuk: (card) => card.changePuk({ puk: PUK, newPuk: NEW_PUK }),
  unblockPin: (card) => card.unblockPin({ puk: PUK, newPin: NEW_PIN }),
  unblockChallenge: (card) => card.unblockChallenge(),
  unblockWithResponse: (card) => card.unblockWithResponse({ response: 'R-0', newPin: NEW_PIN }),
  authenticateAdmin: (card) => card.authenticateAdmin(ADMIN_KEY),
  authenticateAdminByPin: (card) => card.authenticateAdminByPin(PIN),
  isAdminKeyProtected: (card) => card.isAdminKeyProtected(),
  protectAdminKey: (card) => card.protectAdminKey(PIN),
  adminKeyInfo: (card) => card.adminKeyInfo(),
  changeAdminKey: (card) => card.changeAdminKey(ADMIN_KEY),
  'changeAdminKey, random': (card) => card.changeAdminKey('random'),
  generateKey: (card) => card.generateKey('9a'),
  'generateKey, RSA': (card) => card.generateKey('82', { algorithm: 'RSA-2048', pinPolicy: 'always' }),
  importKey: (card) => card.importKey('83', privateKey),
  deleteKey: (card) => card.deleteKey('83'),
  moveKey: (card) => card.moveKey('82', '84'),
  attest: (card) => card.attest('9a'),
  attestationIssuer: (card) => card.attestationIssuer(),
  keys: (card) => card.keys(),
  keyInfo: (card) => card.keyInfo('9a'),
  slotContents: (card) => card.slotContents(),
  nameKey: (card) => card.nameKey('9a', publicKey),
  isOccupied: (card) => card.isOccupied('9a'),
  pinPolicyOf: (card) => card.pinPolicyOf('9a'),
  sign: (card) => card.sign('9a', data),
  'sign, with the PIN': (card) => card.sign('9c', data, { pin: PIN }),
  'sign, asking': (card) => card.sign('9c', data, { pin: () => PIN, minTriesLeft: 2, format: 'raw' }),
  signDigest: (card) => card.signDigest('9a', new Uint8Array(32)),
  decrypt: (card) => card.decrypt('9d', new Uint8Array(256), { pin: PIN }),
  deriveSecret: (card) => card.deriveSecret('9a', publicKey),
  getCertificate: (card) => card.getCertificate('9a'),
  putCertificate: (card) => card.putCertificate('9a', { certificate }),
  deleteCertificate: (card) => card.deleteCertificate('9a'),
  objects: (card) => card.objects(),
  getObject: (card) => card.getObject('chuid'),
  putObject: (card) => card.putObject('5f0001', data),
  deleteObject: (card) => card.deleteObject('5f0001'),
}
