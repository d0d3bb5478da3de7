// takes: 15 s
// yubico-piv-tool, action by action.
//
// Version 2.2 has faults of its own with OpenSSL 3: it cannot sign certificates and requests (issue 388 of Yubico's).
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DEFAULT_PIN } from '../../src/index.ts'
import { NAMES } from './support/opensc.ts'
import {
  ADMIN_KEY,
  NEW_PIN,
  NEW_PUK,
  PIN,
  PUK,
  type Served,
  type ServedCard,
  startServed,
  TRIES,
  triesLeft,
  WRONG_PIN,
  WRONG_PUK,
} from './support/served.ts'
import { file, newFile, ok, says } from './support/tools.ts'
import { actions, withTripleDes, type YubicoTool, yubicoTool } from './support/yubico.ts'

const NEW_ADMIN_KEY = '1102030405060708a102030405060708c102030405060708'

let served: Served
let card: ServedCard
let tool: YubicoTool
test.before(async () => {
  served = await startServed(['curve'])
  const [only] = served.cards
  if (only === undefined) throw new Error('no card')
  card = only
  tool = yubicoTool(card.reader)
  await withTripleDes(0, ADMIN_KEY)
})
test.after(() => served?.stop())

/** The certificate of a slot as the tool reads it. */
async function certificateIn(slot: string): Promise<X509Certificate> {
  const out = newFile()
  const said = await tool([], ...actions('read-certificate'), '--slot', slot, '--output', out)
  assert.is(said.code, 0, said.all)
  return new X509Certificate(readFileSync(out))
}

test('status: who the card is, what is on it, and the tries of the PIN', async () => {
  const said = await tool([], ...actions('status'))
  assert.is(said.code, 0, said.all)
  says(said, /^Version:\s+5\.4\.3$/m)
  says(said, /^Serial Number:\s+[1-9]\d+$/m)
  says(said, /^CHUID:\s+3019d4e739/m)
  says(said, /^CCC:\s+f015a000000116ff02/m)
  says(said, new RegExp(`^PIN tries left:\\s+${TRIES.pin}$`, 'm'))
  for (const slot of Object.keys(NAMES)) {
    const digest = createHash('sha256').update(card.certificate(slot).raw).digest('hex')
    const [, row] = said.stdout.split(new RegExp(`^Slot ${slot}:`, 'm'))
    assert.match(row?.split('Slot')[0] ?? '', digest, said.all)
  }
})

/** Puts a certificate of `key` beside the key in a slot; then both go through the tool's own test of the slot. */
async function certifies(slot: string, key: KeyObject, check: 'test-signature' | 'test-decipher'): Promise<void> {
  const certificate = await served.issuer.certify(slot, key, `${slot} by Yubico's tool`)
  const pem = file(certificate.toString())
  const put = await tool([ADMIN_KEY], '--key', ...actions('import-certificate'), '--slot', slot, '--input', pem)
  says(put, /^Successfully imported a new certificate\.$/m)
  assert.is((await certificateIn(slot)).fingerprint256, certificate.fingerprint256)
  const tested = await tool([PIN], ...actions('verify-pin', check), '--slot', slot, '--input', pem)
  assert.is(tested.code, 0, tested.all)
}

const MADE = [
  ['9a', 'ECCP256', 'test-signature'],
  ['9a', 'RSA2048', 'test-signature'],
  ['9c', 'ECCP384', 'test-signature'],
  ['9d', 'RSA2048', 'test-decipher'],
  ['9d', 'ECCP256', 'test-decipher'],
] as const
for (const [slot, algorithm, check] of MADE) {
  test(`a key ${algorithm} in ${slot}, its certificate, ${check}`, async () => {
    const out = newFile()
    const words = ['--slot', slot, '--algorithm', algorithm, '--output', out]
    says(await tool([ADMIN_KEY], '--key', ...actions('generate'), ...words), /Successfully generated a new private key/)
    await certifies(slot, createPublicKey(readFileSync(out)), check)
  })
}

test('what a TPM does not have is refused: RSA with 1024 bits, another number of tries', async () => {
  const small = ['--slot', '9a', '--algorithm', 'RSA1024']
  says(await tool([ADMIN_KEY], '--key', ...actions('generate'), ...small), /Key generation failed/)
  const tries = ['--pin-retries', '9', '--puk-retries', '9']
  const said = await tool([ADMIN_KEY, PIN], '--key', ...actions('verify-pin', 'pin-retries'), ...tries)
  says(said, /Failed changing pin retries/)
  assert.is(await triesLeft(card), TRIES.pin)
})

test('keys are brought in: PEM and PKCS#12', async () => {
  for (const [slot, check, pair] of [
    ['83', 'test-decipher', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['84', 'test-decipher', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['9e', 'test-signature', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ] as const) {
    const pem = file(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const said = await tool([ADMIN_KEY], '--key', ...actions('import-key'), '--slot', slot, '--input', pem)
    says(said, /Successfully imported a new private key/)
    await certifies(slot, pair.publicKey, check)
  }
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const [key, certificate] = [privateKey.export({ type: 'pkcs8', format: 'pem' }), newFile('.p12')]
  const signed = await served.issuer.certify('85', publicKey, 'from PKCS#12')
  const words = [
    '-export',
    '-inkey',
    file(key),
    '-in',
    file(signed.toString()),
    '-passout',
    'pass:',
    '-out',
    certificate,
  ]
  await ok('openssl', ['pkcs12', ...words])
  const both = ['--key-format', 'PKCS12', '--password=', '--slot', '85', '--input', certificate]
  const said = await tool([ADMIN_KEY], '--key', ...actions('import-key', 'import-certificate'), ...both)
  assert.is(said.code, 0, said.all)
  assert.is((await certificateIn('85')).fingerprint256, signed.fingerprint256)
})

test('a certificate and a request that the card signs', async () => {
  const key = file(card.publicKey('9a').export({ type: 'spki', format: 'pem' }))
  for (const action of ['selfsign-certificate', 'request-certificate']) {
    const out = newFile()
    const words = ['--slot', '9a', '--subject', '/CN=by the tool/', '--input', key, '--output', out]
    const said = await tool([PIN], ...actions('verify-pin', action), ...words)
    // The tool fails before it asks the card.
    if (said.code !== 0) says(said, /^Failed signing (certificate|request)\.$/m)
    else
      await ok('openssl', action.startsWith('req') ? ['req', '-verify', '-in', out] : ['verify', '-CAfile', out, out])
  }
})

test('attestation: openssl follows the certificate of a key to that of slot f9; an imported key has none', async () => {
  const out = newFile()
  says(await tool([], ...actions('attest'), '--slot', '82', '--output', out), /^$/m)
  const [attested, issuer] = [new X509Certificate(readFileSync(out)), await certificateIn('f9')]
  assert.equal(attested.publicKey.export({ format: 'jwk' }), card.publicKey('82').export({ format: 'jwk' }))
  await ok('openssl', ['verify', '-partial_chain', '-trusted', file(issuer.toString()), out])
  says(await tool([], ...actions('attest'), '--slot', '83', '--output', newFile()), /Failed to attest data/)
})

test('CHUID and CCC are made anew, and other programs see it', async () => {
  const before = await card.look((one) => Promise.all([one.getObject('chuid'), one.getObject('ccc')]))
  const said = await tool([ADMIN_KEY], '--key', ...actions('set-chuid', 'set-ccc'))
  says(said, /Successfully set new CHUID[\s\S]*Successfully set new CCC/)
  const after = await card.look((one) => Promise.all([one.getObject('chuid'), one.getObject('ccc')]))
  for (const [at, content] of after.entries()) assert.not.equal(content, before[at])
})

test('another admin key: the old one proves nothing any more', async () => {
  const chuid = ['--key', ...actions('set-chuid')]
  const said = await tool([ADMIN_KEY, NEW_ADMIN_KEY], '--key', ...actions('set-mgm-key'))
  says(said, /Successfully set new management key/)
  says(await tool([ADMIN_KEY], ...chuid), /Failed authentication with the application/)
  says(await tool([NEW_ADMIN_KEY], ...chuid), /Successfully set new CHUID/)
  await tool([NEW_ADMIN_KEY, ADMIN_KEY], '--key', ...actions('set-mgm-key'))
  says(await tool([ADMIN_KEY], ...chuid), /Successfully set new CHUID/)
})

test('PIN and PUK: verified, changed, unblocked', async () => {
  says(await tool([WRONG_PIN], ...actions('verify-pin')), new RegExp(`failed, ${TRIES.pin - 1} tries left`))
  assert.is(await triesLeft(card), TRIES.pin - 1)
  says(await tool([], ...actions('status')), new RegExp(`^PIN tries left:\\s+${TRIES.pin - 1}$`, 'm'))
  says(await tool([PIN, NEW_PIN], ...actions('change-pin')), /Successfully changed the pin code/)
  says(await tool([NEW_PIN], ...actions('verify-pin')), /Successfully verified PIN/)
  says(await tool([PUK, NEW_PUK], ...actions('change-puk')), /Successfully changed the puk code/)
  says(await tool([PUK, PIN], ...actions('unblock-pin')), new RegExp(`now ${TRIES.puk - 1} tries left before blocked`))
  says(await tool([NEW_PUK, PIN], ...actions('unblock-pin')), /Successfully unblocked the pin code/)
  says(await tool([PIN], ...actions('verify-pin')), /Successfully verified PIN/)
})

test('a blocked PIN is said to be, and takes the PUK', async () => {
  for (let tries = TRIES.pin; tries > 0; tries -= 1) await tool([WRONG_PIN], ...actions('verify-pin'))
  says(await tool([PIN], ...actions('verify-pin')), /^Pin code blocked, use unblock-pin action to unblock\.$/m)
  says(await tool([], ...actions('status')), /^PIN tries left:\s+0$/m)
  says(await tool([WRONG_PUK, PIN], ...actions('unblock-pin')), new RegExp(`now ${TRIES.puk - 1} tries left`))
  says(await tool([NEW_PUK, PIN], ...actions('unblock-pin')), /Successfully unblocked the pin code/)
  says(await tool([PIN], ...actions('verify-pin')), /Successfully verified PIN/)
})

test('a card that is not blocked is not reset', async () => {
  says(await tool([], ...actions('reset')), /^Reset failed, are pincodes blocked\?$/m)
  says(await tool([PIN], ...actions('verify-pin')), /Successfully verified PIN/)
})

test('a card whose PIN and PUK are blocked is reset: nothing is on it, and its PIN is the default one', async () => {
  for (let tries = TRIES.pin; tries > 0; tries -= 1) await tool([WRONG_PIN], ...actions('verify-pin'))
  for (let tries = TRIES.puk; tries > 0; tries -= 1) await tool([WRONG_PUK, PIN], ...actions('unblock-pin'))
  says(await tool([NEW_PUK, PIN], ...actions('unblock-pin')), /blocked/)
  says(await tool([], ...actions('reset')), /^Successfully reset the application\.$/m)
  const said = await tool([], ...actions('status'))
  says(said, new RegExp(`^PIN tries left:\\s+${TRIES.pin}$`, 'm'))
  assert.not.match(said.stdout, /^Slot/m)
  says(await tool([DEFAULT_PIN], ...actions('verify-pin')), /Successfully verified PIN/)
})

test.run()
