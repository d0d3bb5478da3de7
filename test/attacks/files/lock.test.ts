// takes: 15 s
// What a card file says of the lock, changed by somebody who has the file, reaches the TPM (so that the seal under the
// storage key is right again) and has a card of their own in it: where the indices are, the approvals, K, the storage key. No
// PIN and no PUK of another card may ever serve this one's keys, and the owner's PIN unlocks nothing: the seal behind it does
// not fit.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createCard } from '../../../src/cards/index.ts'
import type { Card } from '../../../src/piv/host/card.ts'
import type { CardFile } from '../../../src/tpm/store/card-file.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { tempDir } from '../../support/temp.ts'
import { changeFile, readFile, resealFile } from '../support/card-file.ts'
import { withCard } from '../support/outcome.ts'

const OWN = { pin: '246810', puk: '86420864' }
const THEIRS = { pin: '13572468', puk: '97531357' }
const home = tempDir('home')
const swtpm = await startSwtpm()
const place = { home, tcti: swtpm.tcti }
test.after(() => swtpm.stop())

async function issue(name: string, secrets: typeof OWN): Promise<CardFile> {
  const card = await createCard({ name, home, tcti: swtpm.tcti, ...secrets, pinTries: 10, pukTries: 10 })
  await card.verifyPin(secrets.pin)
  await card.generateKey('9a', { algorithm: 'P-256', pinPolicy: 'once' })
  await card.generateKey('9c', { algorithm: 'P-256', pinPolicy: 'always' })
  await card.close()
  return readFile(home, name)
}

const honest = await issue('own', OWN)
const foreign = await issue('theirs', THEIRS)

const outcome = (work: (card: Card) => Promise<unknown>) => withCard(home, 'own', work)

/** What whoever knows these secrets gets: a signature of either key, and a new PIN. */
async function gets({ pin, puk }: typeof OWN): Promise<readonly string[]> {
  return [
    await outcome((card) => card.verifyPin(pin).then(() => card.sign('9a', new Uint8Array(10)))),
    await outcome((card) => card.sign('9c', new Uint8Array(10), { pin })),
    await outcome((card) => card.unblockPin({ puk, newPin: pin })),
  ]
}

const placeOf = ({ handle, name }: CardFile['pin']) => ({ handle, name })
const { pin, puk, burnKey, approvals, cardId } = foreign

const NOTHING = ['no', 'no', 'no']
const ALL = ['9a', '9c', 'PIN']
const PUK_ONLY = ['no', 'no', 'PIN']

/** The change, and what is left to the owner. */
const CHANGES: ReadonlyArray<readonly [what: string, change: Partial<CardFile>, own: readonly string[]]> = [
  ['the PIN is in the index of the other card', { pin }, NOTHING],
  ['the same, with the handle alone', { pin: { ...honest.pin, handle: pin.handle } }, NOTHING],
  ['the same, with the Name alone', { pin: { ...honest.pin, name: pin.name } }, NOTHING],
  ['the PUK is in the index of the other card', { puk }, NOTHING],
  ['the PUK, with the handle alone', { puk: { ...honest.puk, handle: puk.handle } }, NOTHING],
  ['the PUK, with the Name alone', { puk: { ...honest.puk, name: puk.name } }, NOTHING],
  [
    'PIN and PUK change places',
    { pin: { ...honest.pin, ...placeOf(honest.puk) }, puk: { ...honest.puk, ...placeOf(honest.pin) } },
    NOTHING,
  ],
  ['both indices are those of the other card', { pin, puk }, NOTHING],
  ['both, and the identity with which their secrets are told', { pin, puk, cardId }, NOTHING],
  ['the approvals are those of the other card', { approvals }, NOTHING],
  ['K is that of the other card', { burnKey }, NOTHING],
  ['K and what it approved', { burnKey, approvals }, NOTHING],
  ['K, what it approved, and the PUK', { burnKey, approvals, puk }, NOTHING],
  [
    'one approval in place of another',
    { approvals: { ...honest.approvals, unblockPin: honest.approvals.changePuk } },
    NOTHING,
  ],
  ['no approvals', { approvals: {} }, NOTHING],
  ['another storage key', { srk: { ...honest.srk, name: pin.name } }, NOTHING],
  // There is one, and what is there is compared with its Name.
  ['the storage key elsewhere', { srk: { ...honest.srk, handle: 0x81000002 } }, PUK_ONLY],
]

/** For each: what it is, or that it was refused. */
const told = (outcomes: readonly string[]): readonly string[] =>
  outcomes.map((outcome, at) => (outcome === 'done' ? (ALL[at] ?? '') : 'no'))

for (const [what, change, own] of CHANGES) {
  test(what, async () => {
    await resealFile(place, 'own', () => ({ ...honest, ...change }))
    assert.equal(told(await gets(OWN)), own, 'the owner')
    assert.equal(told(await gets(THEIRS)), NOTHING, 'whoever knows the secrets of the other card')
    await resealFile(place, 'own', () => honest)
    assert.equal(told(await gets(OWN)), ALL, 'the card as it was')
  })
}

test('with the whole lock of the other card its secrets change its own PIN, and no key signs', async () => {
  await resealFile(place, 'own', () => ({ ...honest, pin, puk, cardId, burnKey, approvals }))
  assert.equal(await gets(THEIRS), ['ERR_CARD_FILE', 'ERR_KEY_DAMAGED', 'done'])
  assert.equal(told(await gets(OWN)), NOTHING)
  await resealFile(place, 'own', () => honest)
  assert.equal(told(await gets(OWN)), ALL)
})

test('another storage key is noticed before a session is salted to it', async () => {
  await resealFile(place, 'own', () => ({ ...honest, srk: { ...honest.srk, name: pin.name } }))
  assert.equal(new Set(await gets(OWN)), new Set(['ERR_CARD_OTHER_TPM']))
  await resealFile(place, 'own', () => honest)
})

test('the attack is real: with the whole file of the other card, its secrets do all', async () => {
  changeFile(home, 'own', () => ({ ...foreign, name: 'own' }))
  assert.equal(told(await gets(THEIRS)), ALL)
})

test.run()
