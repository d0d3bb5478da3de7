// takes: 15 s
// ykman, told which reader: keys, certificates, attestation, PIN and PUK, and the admin key, which is AES for it too.
import { createPublicKey, X509Certificate } from 'node:crypto'
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
} from './support/served.ts'
import { file, newFile, ok, says, succeeded } from './support/tools.ts'
import { ykman } from './support/yubico.ts'

let served: Served
let card: ServedCard
test.before(async () => {
  served = await startServed(['curve'])
  const [only] = served.cards
  if (only === undefined) throw new Error('no card')
  card = only
})
test.after(() => served?.stop())

const well = (secrets: readonly string[], ...words: string[]) => succeeded(ykman(card.reader)(secrets, ...words))

test('info: version, tries, admin key, and what is in the slots', async () => {
  const said = await well([], 'info')
  says(said, /^PIV version: +5\.4\.3$/m)
  says(said, new RegExp(`^PIN tries remaining: +${TRIES.pin}/${TRIES.pin}$`, 'm'))
  says(said, /Using default Management key!/)
  says(said, /^Management key algorithm: +AES192$/m)
  for (const slot of Object.keys(NAMES)) {
    const fingerprint = card.certificate(slot).fingerprint256.replaceAll(':', '').toLowerCase()
    const [, row = ''] = said.stdout.split(new RegExp(`^Slot ${slot}\\b`, 'im'))
    assert.ok(row.split(/^Slot/m)[0]?.includes(fingerprint), said.all)
  }
})

test('a key, a certificate that it signs for itself, a request', async () => {
  const [key, certificate, request] = [newFile(), newFile(), newFile()]
  await well([ADMIN_KEY], 'keys', 'generate', '--algorithm', 'ECCP256', '9a', key)
  await well([ADMIN_KEY, PIN], 'certificates', 'generate', '--subject', 'CN=by ykman', '9a', key)
  await well([], 'certificates', 'export', '9a', certificate)
  await ok('openssl', ['verify', '-CAfile', certificate, certificate])
  const shown = new X509Certificate(readFileSync(certificate)).publicKey.export({ format: 'jwk' })
  assert.equal(shown, createPublicKey(readFileSync(key)).export({ format: 'jwk' }))
  await well([PIN], 'certificates', 'request', '--subject', 'CN=by ykman', '9a', key, request)
  says(await ok('openssl', ['req', '-verify', '-noout', '-in', request]), /verify OK/)
})

test('a certificate is brought in, a key attested', async () => {
  const key = newFile()
  await well([ADMIN_KEY], 'keys', 'generate', '--algorithm', 'ECCP384', '82', key)
  const publicKey = createPublicKey(readFileSync(key))
  const certificate = await served.issuer.certify('82', publicKey, 'for ykman')
  await well([ADMIN_KEY], 'certificates', 'import', '82', file(certificate.toString()))
  const found = await card.look((one) => one.getCertificate('82'))
  assert.equal(Buffer.from(found?.certificate ?? []), certificate.raw)
  const [attested, issuer] = [newFile(), newFile()]
  await well([], 'keys', 'attest', '82', attested)
  await well([], 'certificates', 'export', 'f9', issuer)
  await ok('openssl', ['verify', '-partial_chain', '-trusted', issuer, attested])
})

test('PIN, PUK, admin key', async () => {
  const twice = (secret: string): string[] => [secret, secret]
  const wrong = await ykman(card.reader)([WRONG_PIN, ...twice(NEW_PIN)], 'access', 'change-pin')
  assert.is.not(wrong.code, 0, wrong.all)
  assert.is(await triesLeft(card), TRIES.pin - 1)
  await well([PIN, ...twice(NEW_PIN)], 'access', 'change-pin')
  await well([PUK, ...twice(NEW_PUK)], 'access', 'change-puk')
  await well([NEW_PUK, ...twice(PIN)], 'access', 'unblock-pin')
  await card.look((one) => one.verifyPin(PIN))
  const change = ['access', 'change-management-key', '--generate', '--algorithm']
  const [key = ''] = /[0-9a-f]{64}$/m.exec((await well([ADMIN_KEY], ...change, 'AES256')).stdout) ?? []
  await card.look((one) => one.authenticateAdmin(Uint8Array.from(Buffer.from(key, 'hex'))))
  // As docs/yubico.md has it, for programs that know no other key.
  const [tdes = ''] = /[0-9a-f]{48}$/m.exec((await well([key], ...change, 'TDES')).stdout) ?? []
  await card.look((one) => one.authenticateAdmin({ algorithm: '3DES', key: Uint8Array.from(Buffer.from(tdes, 'hex')) }))
})

test('reset blocks the card and makes it anew', async () => {
  const said = await well([], 'reset', '--force')
  says(said, /All PIV data (has|have) been cleared/)
  const info = await well([], 'info')
  says(info, /Using default PIN!/)
  assert.not.match(info.stdout, /^Slot/m)
  await card.look((one) => one.verifyPin(DEFAULT_PIN))
})

test.run()
