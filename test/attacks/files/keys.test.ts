// takes: 10 s
// What a card file says of a key, changed by somebody who has the file, reaches the TPM (so that the seal under the storage
// key is right again) and has a card in it. The owner must never sign, certify or attest with a key that is not what it is
// said to be.
import { generateKeyPairSync, verify } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cardInfo, createCard, openCard } from '../../../src/cards/index.ts'
import type { CardError } from '../../../src/errors.ts'
import type { Card } from '../../../src/piv/host/card.ts'
import { decodePublic, keyTemplate } from '../../../src/tpm/codec/public.ts'
import { EMPTY_SIZED, sized, u32 } from '../../../src/tpm/codec/wire.ts'
import { command } from '../../../src/tpm/command.ts'
import { CC } from '../../../src/tpm/constants.ts'
import { acquireDevice, releaseDevice } from '../../../src/tpm/devices.ts'
import { asSrk, keyAttributes } from '../../../src/tpm/keys/create.ts'
import type { CardFile, CardFileKey } from '../../../src/tpm/store/card-file.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { tempDir } from '../../support/temp.ts'
import { readFile, resealFile } from '../support/card-file.ts'
import { withCard } from '../support/outcome.ts'

const PIN = '246810'
const home = tempDir('home')
const swtpm = await startSwtpm()
const place = { home, tcti: swtpm.tcti }
test.after(() => swtpm.stop())

const own = await createCard({ name: 'own', home, tcti: swtpm.tcti, pin: PIN })
await own.verifyPin(PIN)
for (const [slot, pinPolicy] of [
  ['9a', 'once'],
  ['9c', 'always'],
  ['9d', 'never'],
] as const) {
  await own.generateKey(slot, { algorithm: 'P-256', pinPolicy })
}
const honest = readFile(home, 'own')
await own.close()

/** The attacker's card: a key whose private half is his, and one that the TPM made for him. */
const theirs = await createCard({ name: 'theirs', home, tcti: swtpm.tcti, pin: '13572468' })
await theirs.verifyPin('13572468')
const known = generateKeyPairSync('ec', { namedCurve: 'P-256' })
await theirs.importKey('9a', known.privateKey, { pinPolicy: 'never' })
await theirs.generateKey('9c', { algorithm: 'P-256', pinPolicy: 'once' })
const foreign = readFile(home, 'theirs')
await theirs.close()

const key = (card: CardFile, slot: string): CardFileKey => {
  const found = card.keys[slot as keyof CardFile['keys']]
  if (found === undefined) throw new Error(`no key in ${slot}`)
  return found
}
const withKeys = (keys: Record<string, CardFileKey>) => (): CardFile => ({
  ...honest,
  keys: { ...honest.keys, ...keys },
})

/** Every use that the owner makes of the key in 9a, with the right PIN, and what stopped it. */
async function uses(): Promise<readonly string[]> {
  const act = (work: (card: Card) => Promise<unknown>) =>
    withCard(home, 'own', async (card) => {
      await card.verifyPin(PIN)
      await work(card)
    })
  return [
    await act((card) => card.sign('9a', new Uint8Array(10), { pin: PIN })),
    await act((card) => card.keyInfo('9a')),
    await act((card) => card.attest('9a')),
  ]
}

const REFUSED = ['ERR_KEY_DAMAGED', 'ERR_KEY_DAMAGED', 'ERR_KEY_DAMAGED']

const CHANGES: ReadonlyArray<readonly [what: string, keys: Record<string, CardFileKey>]> = [
  ["the attacker's never key, said to want the PIN", { '9a': { ...key(foreign, '9a'), pinPolicy: 'once' } }],
  [
    "the attacker's never key, said to want the PIN and to be made here",
    { '9a': { ...key(foreign, '9a'), pinPolicy: 'once', origin: 'generated' } },
  ],
  ["a key under the PIN of the attacker's card", { '9a': key(foreign, '9c') }],
  ["the card's never key, said to want the PIN", { '9a': { ...key(honest, '9d'), pinPolicy: 'once' } }],
  ['once said to be never', { '9a': { ...key(honest, '9a'), pinPolicy: 'never' } }],
  ['once said to be always', { '9a': { ...key(honest, '9a'), pinPolicy: 'always' } }],
  ['always said to be once', { '9a': { ...key(honest, '9c'), pinPolicy: 'once' } }],
  ['made here said to be imported', { '9a': { ...key(honest, '9a'), origin: 'imported' } }],
  ['certifiable said to be not', { '9a': { ...key(honest, '9a'), certifiable: undefined } }],
  [
    'an imported key said to be certifiable',
    { '9a': { ...key(foreign, '9a'), pinPolicy: 'never', certifiable: true } },
  ],
  ['P-256 said to be P-384', { '9a': { ...key(honest, '9a'), algorithm: 'P-384' } }],
  ['P-256 said to be RSA-2048', { '9a': { ...key(honest, '9a'), algorithm: 'RSA-2048' } }],
]

for (const [what, keys] of CHANGES) {
  test(`${what}: refused`, async () => {
    await resealFile(place, 'own', withKeys(keys))
    assert.equal(await uses(), REFUSED)
    await cardInfo('own', { home }).then(
      () => assert.unreachable('shown as if nothing were'),
      (error: CardError) => assert.is(error.code, 'ERR_KEY_DAMAGED'),
    )
  })
}

test('a key that is refused hinders no other: they sign, and the listing names it', async () => {
  await resealFile(place, 'own', withKeys({ '9a': key(foreign, '9c') }))
  const card = await openCard({ name: 'own', home })
  assert.is((await card.sign('9c', new Uint8Array(10), { pin: PIN })).length > 0, true)
  const contents = await card.slotContents()
  assert.equal(
    contents.map((content) => [content.slot, 'error' in content ? content.error.code : 'usable']),
    [
      ['9a', 'ERR_KEY_DAMAGED'],
      ['9c', 'usable'],
      ['9d', 'usable'],
    ],
  )
  await card.close()
})

test('a key of before, with adminWithPolicy, serves as it did', async () => {
  const device = await acquireDevice({ tcti: swtpm.tcti, stateFile: '', createState: false })
  const srk = await device.srk(honest.srk.name)
  const { algorithm, pinPolicy, origin, public: area } = key(honest, '9a')
  const old = keyAttributes({ pinPolicy, origin })
  const template = keyTemplate(algorithm, old, decodePublic(area.subarray(2)).authPolicy)
  const answer = await device.exclusive(() =>
    asSrk(device, srk, (auth) =>
      command(CC.Create, [srk], [auth], sized(Uint8Array.of(0, 0, 0, 0)), sized(template), EMPTY_SIZED, u32(0)),
    ),
  )
  const [wrapped, made] = [sized(answer.sized()), sized(answer.sized())]
  const creation = { data: sized(answer.sized()), hash: answer.sized(), ticket: answer.rest() }
  await releaseDevice(device)
  await resealFile(
    place,
    'own',
    withKeys({ '9a': { algorithm, pinPolicy, origin, public: made, private: wrapped, creation } }),
  )
  assert.equal(await uses(), ['done', 'done', 'done'])
})

test('the card as it was serves', async () => {
  await resealFile(place, 'own', () => honest)
  assert.equal(await uses(), ['done', 'done', 'done'])
})

test('a key outside the TPM that is said to be made in it is not attested', async () => {
  const outside = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = outside.publicKey.export({ format: 'jwk' })
  const point = { x: Buffer.from(x, 'base64url'), y: Buffer.from(y, 'base64url') }
  const area = key(honest, '9a').public
  // The policy of the card's own key: all that is said of it is right, but that the TPM has it.
  const policy = area.slice(2 + 2 + 2 + 4 + 2, 2 + 2 + 2 + 4 + 2 + 32)
  const forged = {
    ...key(honest, '9a'),
    public: sized(
      keyTemplate('P-256', keyAttributes({ pinPolicy: 'once', origin: 'generated', certifiable: true }), policy, point),
    ),
  }
  await resealFile(place, 'own', withKeys({ '9a': forged }))
  const [, , attested] = await uses()
  assert.is(attested, 'ERR_KEY_DAMAGED')
})

test('what the TPM is, is found out at each opening: no file makes a simulator hardware', async () => {
  await resealFile(place, 'own', () => ({ ...honest, assurance: 'hardware' }))
  assert.is((await cardInfo('own', { home })).assurance, 'software')
  const card = await openCard({ name: 'own', home })
  assert.is(card.assurance, 'software')
  const statement = Buffer.from(await card.attest('9a')).toString('latin1')
  await card.close()
  assert.not.match(statement, 'hardware')
})

test('the attack is real: the key of the attacker signs where nobody compares', async () => {
  await resealFile(place, 'own', withKeys({ '9a': key(foreign, '9a') }))
  const card = await openCard({ name: 'own', home })
  const message = Buffer.from('to be signed')
  const signature = await card.sign('9a', message)
  await card.close()
  assert.ok(verify('sha256', message, known.publicKey, signature))
})

test.run()
