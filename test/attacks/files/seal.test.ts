// takes: 10 s
// The seal of a card file. Without the TPM nobody changes or mixes files unnoticed. With the TPM and without the PIN nobody
// changes what only the PIN can change, from VERIFY on.
import { generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, sha256, utf8 } from '../../../src/bytes.ts'
import { createCard, destroyCard, openCard, resetCard } from '../../../src/cards/index.ts'
import type { Card } from '../../../src/piv/host/card.ts'
import { fromKeyObject } from '../../../src/piv/public-key.ts'
import { writtenName } from '../../../src/tpm/codec/nv.ts'
import { objectName } from '../../../src/tpm/codec/public.ts'
import { acquireDevice, releaseDevice } from '../../../src/tpm/devices.ts'
import { helpDeskKeyBlob } from '../../../src/tpm/help-desk.ts'
import { seal } from '../../../src/tpm/keys/seal.ts'
import { policyFacts } from '../../../src/tpm/lock/context.ts'
import { indexPublic } from '../../../src/tpm/lock/index-public.ts'
import { verifyingKeyBlob } from '../../../src/tpm/lock/provision.ts'
import { LOCK, withoutSeal } from '../../../src/tpm/lock/table.ts'
import { createTpmCard, openTpmCard } from '../../../src/tpm/open.ts'
import { policyDigest } from '../../../src/tpm/policy/digest.ts'
import { type CardFile, encodeCardFile } from '../../../src/tpm/store/card-file.ts'
import { sealCard } from '../../../src/tpm/store/seal.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { tempDir } from '../../support/temp.ts'
import { ascii } from '../../support/wire.ts'
import { changeFile, pathOf, readFile, resealFile } from '../support/card-file.ts'
import { codeOf, withCard } from '../support/outcome.ts'
import { cardRequest, PIN, PUK, slot } from '../support/owner.ts'

const home = tempDir('home')
const swtpm = await startSwtpm()
const place = { home, tcti: swtpm.tcti }
test.after(() => swtpm.stop())

/** A card with keys: 9a `once`, 9d `never`. */
async function make(name: string, options: object = {}): Promise<CardFile> {
  const card = await createCard({ name, ...place, pin: PIN, puk: PUK, ...options })
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.generateKey('9d', { pinPolicy: 'never' })
  await card.putObject('5fff10', utf8(name))
  await card.close()
  return readFile(home, name)
}

const own = await make('own', { mustChangePin: true })
const closed = await make('closed', { adminKey: 'random', pinPolicy: 'strong' })
const theirs = await make('theirs')
const helpDesk = helpDeskKeyBlob(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
const { privateKey: ownK, publicKey: ownKPublic } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const outcome = (name: string, work: (card: Card) => Promise<unknown>) => withCard(home, name, work)

type Change = (card: CardFile) => CardFile
const { seal: ownSeal, ...stripped } = own
if (ownSeal === undefined) throw new Error('a new card has a seal')

/** A file of 0.1.0 under the victim's K, with a PIN index that is nowhere, and this PUK index. */
function unsealedFile(victim: CardFile, puk: CardFile['pin']): CardFile {
  const handle = victim.pin.handle ^ 1
  const name = writtenName(indexPublic('pin', handle, policyFacts(victim).burnName, withoutSeal(LOCK)))
  const lock = { burnKey: victim.burnKey, approvals: victim.approvals, pin: { ...victim.pin, handle, name } }
  return { ...stripped, ...lock, cardId: new Uint8Array(16).fill(9), puk: { ...puk, present: true } }
}

/** What only VERIFY can tell from what the owner wants, by somebody who reaches the TPM. */
const PIN_CHANGES: Readonly<Record<string, Change>> = {
  'the PIN need not be changed any more': (card) => ({ ...card, flags: { ...card.flags, mustChangePin: false } }),
  'the PIN is said to be the default': (card) => ({ ...card, flags: { ...card.flags, defaults: ['pin'] } }),
  'other tries': (card) => ({ ...card, pin: { ...card.pin, tries: 10 } }),
  'a longer life of the PIN': (card) => ({ ...card, unlockSeconds: 3600 }),
  "the attacker's help desk": (card) => ({ ...card, helpDeskKey: helpDesk }),
  "another card's PUK": (card) => ({ ...card, puk: theirs.puk }),
  "another card's approvals": (card) => ({ ...card, approvals: theirs.approvals }),
}

const CHANGES: Readonly<Record<string, Change>> = {
  ...PIN_CHANGES,
  'the seal is removed': () => stripped,
  'the seal of another card': (card) => ({ ...card, seal: theirs.seal ?? ownSeal }),
  "another card's key behind the PIN": (card) => ({
    ...card,
    seal: { ...ownSeal, pin: theirs.seal?.pin ?? ownSeal.pin },
  }),
  'an old lock, whose index is elsewhere': () => ({ ...stripped, pin: { ...own.pin, handle: own.pin.handle ^ 1 } }),
  "an old lock, whose index is gone, with another card's PIN index for the PUK": () => unsealedFile(theirs, theirs.pin),
  "another card's id": (card) => ({ ...card, cardId: theirs.cardId }),
  "another card's indices": (card) => ({ ...card, pin: theirs.pin, puk: theirs.puk }),
  'another TPM': (card) => ({ ...card, tpm: { ...card.tpm, manufacturer: 'INTC' } }),
  'keys change places': ({ keys, ...card }) => ({
    ...card,
    keys: { '9a': keys['9d'], '9d': keys['9a'] } as typeof keys,
  }),
  "another card's never key": (card) => ({
    ...card,
    keys: { ...card.keys, '9a': theirs.keys['9d'] } as CardFile['keys'],
  }),
  'an object': (card) => ({ ...card, objects: theirs.objects }),
  'an admin key': (card) => ({ ...card, adminKey: theirs.adminKey }),
  'no admin key': ({ adminKey: _, ...card }) => card,
  'all but the seal is of another card': (card) => ({ ...theirs, name: 'own', seal: card.seal ?? ownSeal }),
}

for (const [what, change] of Object.entries(CHANGES)) {
  test(`without the TPM, ${what}: the file is not used, and destroys nothing`, async () => {
    changeFile(home, 'own', () => change(own))
    assert.is(await outcome('own', async () => undefined), 'ERR_CARD_FILE')
    // Two files of one card are refused before they are read.
    assert.ok(['ERR_CARD_FILE', 'ERR_CARD_EXISTS'].includes(await codeOf(() => destroyCard('own', { home }))))
    changeFile(home, 'own', () => own)
    assert.is(await outcome('own', (card) => card.verifyPin(PIN)), 'done')
    assert.is(await outcome('theirs', (card) => card.sign('9a', new Uint8Array(3), { pin: PIN })), 'done')
  })
}

test("a file without a seal names another card's PUK index, and a PIN index that is gone: destroy removes the file alone", async () => {
  changeFile(home, 'own', () => unsealedFile(theirs, theirs.puk))
  assert.is(await outcome('own', async () => undefined), 'ERR_CARD_DEAD')
  assert.is(await codeOf(() => destroyCard('own', { home })), 'done')
  assert.not(existsSync(pathOf(home, 'own')))
  assert.is(await outcome('theirs', (card) => card.unblockPin({ puk: PUK, newPin: PIN })), 'done')
  assert.is(await outcome('theirs', (card) => card.sign('9a', new Uint8Array(3), { pin: PIN })), 'done')
  writeFileSync(pathOf(home, 'own'), encodeCardFile(own))
  assert.is(await outcome('own', (card) => card.verifyPin(PIN)), 'done')
})

test('the message says what happened and what to do', async () => {
  changeFile(home, 'own', (card) => ({ ...card, unlockSeconds: 3600 }))
  const error = await openCard({ name: 'own', home }).catch((reason: Error) => reason)
  assert.ok(error instanceof Error)
  assert.match(error.message, /was changed by somebody.*Put back a copy.*tessera destroy own --yes/)
  changeFile(home, 'own', () => own)
})

test('a file that is changed under an open card is not changed further, and what the card has in memory serves', async () => {
  const code = await outcome('own', async (card) => {
    await card.changePin({ pin: PIN, newPin: '246802' })
    changeFile(home, 'own', (file) => ({ ...file, unlockSeconds: 3600 }))
    assert.is(await codeOf(() => card.putObject('5fff11', utf8('more'))), 'ERR_CARD_FILE')
    await card.sign('9a', new Uint8Array(3))
    changeFile(home, 'own', (file) => ({ ...file, unlockSeconds: own.unlockSeconds }))
    await card.putObject('5fff11', utf8('more'))
    await card.changePin({ pin: '246802', newPin: PIN })
  })
  assert.is(code, 'done')
  changeFile(home, 'own', () => own)
})

for (const [what, change] of Object.entries(PIN_CHANGES)) {
  test(`with the TPM and without the PIN, ${what}: nothing is unlocked`, async () => {
    await resealFile(place, 'own', () => change(own))
    const opened = await outcome('own', async (card) => {
      assert.is(await codeOf(() => card.verifyPin(PIN)), 'ERR_CARD_FILE')
      assert.is.not(await codeOf(() => card.sign('9a', new Uint8Array(3))), 'done')
    })
    assert.is(opened, 'done', 'the attack is real: the seal under the storage key alone is right')
    changeFile(home, 'own', () => own)
  })
}

test('with the TPM and without the PIN: a change of the PIN finds it before the PIN is changed, unblocking says that it did', async () => {
  await resealFile(place, 'own', (card) => ({ ...card, unlockSeconds: 3600 }))
  const opened = await outcome('own', async (card) => {
    const refused = await card.changePin({ pin: PIN, newPin: '246802' }).catch((error: Error) => error)
    assert.match(String(refused), /own\.card was changed by somebody.*Nothing of it was used/)
    assert.is.not(await codeOf(() => card.sign('9a', new Uint8Array(3))), 'done')
    const unblocked = await card.unblockPin({ puk: PUK, newPin: '246802' }).catch((error: Error) => error)
    assert.match(String(unblocked), /: The PIN was changed, but .*own\.card was changed by somebody.*Put back a copy/)
    assert.not.match(String(unblocked), 'Nothing of it was used')
    assert.is.not(await codeOf(() => card.sign('9a', new Uint8Array(3))), 'done')
  })
  assert.is(opened, 'done')
  changeFile(home, 'own', () => own)
  assert.is(await outcome('own', (card) => card.changePin({ pin: '246802', newPin: PIN })), 'done')
  changeFile(home, 'own', () => own)
})

/** Only the PIN manages this card: its keys are sealed with it. */
const KEY_CHANGES: Readonly<Record<string, Change>> = {
  "the attacker's never key in 9a": (card) => ({
    ...card,
    keys: { ...card.keys, '9a': theirs.keys['9d'] } as CardFile['keys'],
  }),
  'keys change places': ({ keys, ...card }) => ({
    ...card,
    keys: { '9c': keys['9a'], '9d': keys['9d'] } as typeof keys,
  }),
  'no rules for new PINs': ({ pinRules: _, ...card }) => card,
  'a key is gone': ({ keys, ...card }) => ({ ...card, keys: { '9a': keys['9a'] } as typeof keys }),
  'an admin key': (card) => ({ ...card, adminKey: theirs.adminKey }),
  'an admin key, and the keys are said not to be sealed': (card) => ({
    ...card,
    adminKey: theirs.adminKey,
    seal: card.seal && { ...card.seal, pin: { ...card.seal.pin, coversKeys: false } },
  }),
}
for (const [what, change] of Object.entries(KEY_CHANGES)) {
  test(`with the TPM, on a card without an admin key, ${what}: nothing is unlocked`, async () => {
    await resealFile(place, 'closed', () => change(closed))
    assert.is(await outcome('closed', (card) => card.verifyPin(PIN)), 'ERR_CARD_FILE')
    changeFile(home, 'closed', () => closed)
    assert.is(await outcome('closed', (card) => card.verifyPin(PIN)), 'done')
  })
}

/** The attacker's own key behind the PIN: anybody makes an object under that policy. */
async function ownPinSeal(card: CardFile, approval: (name: Uint8Array) => Uint8Array): Promise<CardFile> {
  const device = await acquireDevice({ tcti: swtpm.tcti, stateFile: '', createState: false })
  try {
    return await device.exclusive(async () => {
      const srk = await device.srk('new')
      const [whole, pin] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
      const key = await seal(device, srk, pin, policyDigest(LOCK.seal, policyFacts(card)))
      const parts = { key, approval: approval(objectName(key.public.subarray(2))) }
      return sealCard(card, { key: await seal(device, srk, whole), pin: parts }, { whole, pin })
    })
  } finally {
    await releaseDevice(device)
  }
}

const byOwnK = (name: Uint8Array): Uint8Array =>
  Uint8Array.from(sign('sha256', concat(name, utf8('seal key')), { key: ownK, dsaEncoding: 'ieee-p1363' }))

test('with the TPM, a seal of the attacker: its key behind the PIN has no approval of the card', async () => {
  const freed = { ...own, flags: { ...own.flags, mustChangePin: false } }
  const approvals = [() => ownSeal.pin.approval, byOwnK, () => new Uint8Array(64)]
  for (const approval of approvals) {
    const forged = await ownPinSeal(freed, approval)
    changeFile(home, 'own', () => forged)
    assert.is(await outcome('own', (card) => card.verifyPin(PIN)), 'ERR_CARD_FILE')
  }
  changeFile(home, 'own', () => own)
})

test("with the TPM, a seal of the attacker with a K of the attacker: that K is not in the index's Name", async () => {
  const key = fromKeyObject(ownKPublic)
  if (key === undefined || !('point' in key)) throw new Error('no point')
  const forged = await ownPinSeal({ ...own, burnKey: verifyingKeyBlob(key.point.slice(1)) }, byOwnK)
  changeFile(home, 'own', () => forged)
  assert.is(await outcome('own', (card) => card.verifyPin(PIN)), 'ERR_CARD_FILE')
  changeFile(home, 'own', () => own)
})

test('an admin key that is removed by itself leaves the keys outside until the next change with the PIN', async () => {
  const adminKey = new Uint8Array(24).fill(7)
  await make('managed', { adminKey })
  const without = await outcome('managed', async (card) => {
    await card.authenticateAdmin(adminKey)
    await card.changeAdminKey('random')
  })
  assert.is(without, 'done')
  assert.not(readFile(home, 'managed').seal?.pin.coversKeys)
  const later = await outcome('managed', async (card) => {
    await card.verifyPin(PIN)
    await card.putObject('5fff10', utf8('new'))
  })
  assert.is(later, 'done')
  assert.ok(readFile(home, 'managed').seal?.pin.coversKeys)
  assert.is(await outcome('managed', (card) => card.verifyPin(PIN)), 'done')
})

test('unblocking changes the flags of the PIN under the seal, and unlocks nothing', async () => {
  const code = await outcome('own', async (card) => {
    await card.unblockPin({ puk: PUK, newPin: '246802' })
    assert.is(await codeOf(() => card.sign('9a', new Uint8Array(3))), 'ERR_PIN_REQUIRED')
  })
  assert.is(code, 'done')
  assert.not(readFile(home, 'own').flags.mustChangePin)
  assert.is(await outcome('own', (card) => card.sign('9a', new Uint8Array(3), { pin: '246802' })), 'done')
})

test('a card of 0.1.0, whose file has no seal and whose lock says so, serves as it did', async () => {
  const old = { ...place, table: withoutSeal(LOCK) }
  const made = await createTpmCard(old, cardRequest({ name: 'old' }))
  await made.close()
  const { seal: _, ...unsealed } = readFile(home, 'old')
  changeFile(home, 'old', () => unsealed)
  const vault = await openTpmCard({ home }, 'old')
  await vault.pins.verifyPin(ascii(PIN))
  await vault.keys.generate(slot('9a'), { algorithm: 'P-256', pinPolicy: 'once' })
  await vault.pins.changePin(ascii(PIN), ascii('24681012'))
  assert.is((await vault.keys.signDigest(slot('9a'), sha256(utf8('x')))).length, 64)
  const before = readFile(home, 'old')
  changeFile(home, 'old', (card) => ({ ...card, seal: ownSeal }))
  assert.is(await codeOf(() => vault.objects.put('5fff10', utf8('x'))), 'ERR_CARD_FILE', 'a seal that somebody added')
  changeFile(home, 'old', () => before)
  await vault.close()
  assert.is(readFile(home, 'old').seal, undefined)
  await destroyCard('old', { home })
})

/** What a new card would get without anybody's PIN. */
const CARRIED: Readonly<Record<string, Change>> = {
  "the attacker's help desk": (card) => ({ ...card, helpDeskKey: helpDesk }),
  'other tries': (card) => ({ ...card, pin: { ...card.pin, tries: 10 } }),
  "another card's approvals, and the attacker's help desk": (card) => ({
    ...card,
    approvals: theirs.approvals,
    helpDeskKey: helpDesk,
  }),
  'a K of the attacker': (card) => ({ ...card, burnKey: theirs.burnKey, approvals: theirs.approvals }),
}

for (const [what, change] of Object.entries(CARRIED)) {
  test(`a reset of a card with ${what}: nothing is carried over, nothing destroyed; the owner destroys it`, async () => {
    const { publicKey: helpDeskPublicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    for (const desk of [{ helpDeskPublicKey }, {}]) {
      const made = await make('kept', desk)
      await resealFile(place, 'kept', () => change(made))
      assert.is(await codeOf(() => resetCard('kept', { home })), 'ERR_CARD_FILE', 'a card with a seal, and the TPM')
      changeFile(home, 'kept', () => made)
      assert.is(await outcome('kept', (card) => card.verifyPin(PIN)), 'done')
      await destroyCard('kept', { home })
    }
    const old = { ...place, table: withoutSeal(LOCK) }
    const made = await createTpmCard(
      old,
      cardRequest({ name: 'kept', helpDeskKey: helpDeskKeyBlob(helpDeskPublicKey) }),
    )
    await made.close()
    const { seal: _, ...unsealed } = readFile(home, 'kept')
    changeFile(home, 'kept', () => change(unsealed))
    assert.is(await codeOf(() => resetCard('kept', { home })), 'ERR_CARD_FILE', 'a card of 0.1.0, and its file alone')
    changeFile(home, 'kept', () => unsealed)
    assert.is(await codeOf(async () => (await resetCard('kept', { home })).close()), 'done')
    await destroyCard('kept', { home })
  })
}

test.run()
