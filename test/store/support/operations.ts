// Everything that Tessera keeps in a file, and what is done to it.
import { generateKeyPairSync } from 'node:crypto'
import { knownCards } from '../../../src/cards/known-cards.ts'
import { failedRenewals, forgetFailedRenewal, noteFailedRenewal } from '../../../src/enroll/failed-renewals.ts'
import { type Enrolment, Enrolments } from '../../../src/enroll/state.ts'
import type { Files } from '../../../src/files/files.ts'
import { Home } from '../../../src/home/home.ts'
import { Locks } from '../../../src/home/locks.ts'
import { keepPublicKey, keptPublicKey } from '../../../src/home/public-keys.ts'
import { Directory } from '../../../src/lab-ca/directory.ts'
import { parseSlot } from '../../../src/piv/slots.ts'
import { type Account, Accounts } from '../../../src/signin/account.ts'
import { Journal } from '../../../src/tpm/store/journal.ts'
import { CardStore } from '../../../src/tpm/store/store.ts'
import { sampleCard, sampleEntry } from './cards.ts'
import { memoryLocks } from './steps.ts'

export interface Operation {
  readonly name: string
  /** What was done before, and is on the disk for good. */
  before?(files: Files): Promise<unknown>
  act(files: Files): Promise<unknown>
  /** What the product finds: the one of before, the one of after, or an error. */
  found(files: Files): Promise<unknown>
  /** How the next run goes on; else it does the same again. */
  again?(files: Files): Promise<unknown>
  /** What else may be found on the way. */
  readonly between?: readonly unknown[]
}

const home = new Home('/h')
const stored = (files: Files) => new CardStore({ home, lockFile: memoryLocks().lockFile, files })
const journal = (files: Files) => new Journal({ home, lockFile: memoryLocks().lockFile, files })
const accounts = (files: Files) => new Accounts('/h', files)
const lab = (files: Files) => new Directory('/lab', files)
const enrolments = (files: Files) => new Enrolments('/h/enrolments', files, new Locks(files, memoryLocks().lockFile))

/** With a certificate and a picture, as cards have in daily life. */
const card = {
  ...sampleCard(),
  objects: { ...sampleCard().objects, '5fc105': new Uint8Array(2000), '5fc108': new Uint8Array(12_000) },
}
const other = { ...card, unlockSeconds: 60 }
const cards = async (files: Files) =>
  (await stored(files).list()).map((one) => ('card' in one ? one.card : String(one.error)))
const SLOT = parseSlot('9a')
const ID = Buffer.from(card.cardId).toString('hex')

const account: Account = {
  address: 'alice@lab.example',
  service: 'https://service.example:8443',
  method: 'certificate',
  card: { kind: 'tpm', id: ID, name: 'work' },
  slot: '9a',
  fingerprint: new Uint8Array(32).fill(7),
  ca: [new Uint8Array(900).fill(0x30)],
  lastSignIn: '2026-01-31T12:00:00.000Z',
}
const listed = async (files: Files) =>
  (await accounts(files).list()).map((one) => ('error' in one ? String(one.error) : one))
const enrolment: Enrolment = { step: 'reserved', started: account.lastSignIn, slot: '9a', place: '9a', renewal: false }
const sent: Enrolment = { ...enrolment, step: 'sent', request: new Uint8Array(1500).fill(0x30) }
const keeping = (what: Enrolment | undefined) => (files: Files) =>
  enrolments(files).alone<unknown>(ID, SLOT, (file) => (what === undefined ? file.remove() : file.write(what)))
const failed = {
  cardId: ID,
  slot: '9a',
  at: account.lastSignIn,
  notAfter: null,
  message: 'no way to the CA',
}
const user = {
  ...{ name: 'alice', upn: 'alice@lab.example', email: 'alice@lab.example', cost: 2 },
  ...{ salt: new Uint8Array(16), hash: new Uint8Array(32) },
}
const request = {
  ...{ id: 3, user: 'alice', template: 'SmartcardLogon' as const, received: account.lastSignIn },
  request: new Uint8Array(700).fill(0x30),
}
const issued = {
  id: 3,
  at: account.lastSignIn,
  outcome: 'issued' as const,
  certificate: new Uint8Array(1200).fill(0x30),
}
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
const place = { home, card: ID, slot: '9a' }
const known = async (files: Files) => (await knownCards(home, files).key(ID))?.export({ type: 'spki', format: 'pem' })

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'card file: the first of a home',
    act: (files) => stored(files).create(card),
    found: cards,
    again: (files) => stored(files).create(card).catch(ifThere),
  },
  {
    name: 'card file: changed',
    before: (files) => stored(files).create(card),
    act: (files) => stored(files).update('work', card.cardId, () => other),
    found: cards,
  },
  {
    name: 'card file: removed',
    before: (files) => stored(files).create(card),
    act: (files) => stored(files).removeAny('work'),
    found: cards,
  },
  {
    name: 'card file: renamed',
    before: (files) => stored(files).create(card),
    act: (files) => stored(files).rename('work', card.cardId, 'desk'),
    found: cards,
    between: [[{ ...card, name: 'desk' }, card]],
    again: async (files) => {
      if ((await stored(files).list()).some(({ name }) => name === 'work'))
        await stored(files).rename('work', card.cardId, 'desk')
    },
  },
  {
    name: 'journal: begun',
    act: async (files) => (await journal(files).begin(sampleEntry())).leave(),
    found: (files) => journal(files).pending(),
    again: (files) => journal(files).begin(sampleEntry()).catch(ifThere),
  },
  {
    name: 'journal: cleaned up',
    before: async (files) => (await journal(files).begin(sampleEntry())).leave(),
    act: (files) => journal(files).recover(async () => true),
    found: (files) => journal(files).pending(),
  },
  {
    name: 'account: the first',
    act: (files) => accounts(files).write(account),
    found: (files) => listed(files),
  },
  {
    name: 'account: changed',
    before: (files) => accounts(files).write(account),
    act: (files) => accounts(files).write({ ...account, slot: '9e' }),
    found: (files) => listed(files),
  },
  {
    name: 'account: forgotten',
    before: (files) => accounts(files).write(account),
    act: (files) => accounts(files).remove(account.address),
    found: (files) => listed(files),
  },
  { name: 'enrolment: begun', act: keeping(enrolment), found: (files) => enrolments(files).look(ID, SLOT) },
  {
    name: 'enrolment: a step further',
    before: keeping(enrolment),
    act: keeping(sent),
    found: (files) => enrolments(files).look(ID, SLOT),
  },
  {
    name: 'enrolment: ended',
    before: keeping(sent),
    act: keeping(undefined),
    found: (files) => enrolments(files).look(ID, SLOT),
  },
  {
    name: 'failed renewal: noted',
    act: (files) => noteFailedRenewal(failed, files),
    found: (files) => failedRenewals(files),
  },
  {
    name: 'failed renewal: forgotten',
    before: (files) => noteFailedRenewal(failed, files),
    act: (files) => forgetFailedRenewal(ID, '9a', files),
    found: (files) => failedRenewals(files),
  },
  {
    name: 'public key of a card that reports none',
    act: (files) => keepPublicKey(place, pem, files),
    found: (files) => keptPublicKey(place, files),
  },
  { name: 'known card: added', act: (files) => knownCards(home, files).add(ID, publicKey), found: known },
  {
    name: 'known card: removed',
    before: (files) => knownCards(home, files).add(ID, publicKey),
    act: (files) => knownCards(home, files).remove(ID),
    found: known,
  },
  {
    name: 'lab CA: a user',
    before: (files) => lab(files).make(),
    act: (files) => lab(files).putUser(user),
    found: (files) => lab(files).user('alice'),
  },
  {
    name: 'lab CA: a password',
    before: (files) => lab(files).putUser(user),
    act: (files) => lab(files).putUser({ ...user, hash: new Uint8Array(32).fill(1) }),
    found: (files) => lab(files).user('alice'),
  },
  {
    name: 'lab CA: a request',
    act: (files) => lab(files).addRequest(request),
    found: (files) => lab(files).request(3),
  },
  {
    name: 'lab CA: issued',
    before: (files) => lab(files).addRequest(request),
    act: (files) => lab(files).decide(issued),
    found: (files) => lab(files).decision(3),
  },
  {
    name: 'lab CA: revoked',
    act: (files) => lab(files).revoke({ id: 3, at: account.lastSignIn, serial: '0'.repeat(32) }),
    found: (files) => lab(files).revocation(3),
  },
]

/** What is there already is no fault of a second run. */
function ifThere(error: unknown): void {
  const code = (error as { code?: string }).code
  if (code !== 'ERR_CARD_EXISTS' && code !== 'ERR_CARD_BUSY') throw error
}
