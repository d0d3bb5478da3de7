// takes: 15 s
// A key signs a certificate for itself: every kind of key, in every kind of slot, as openssl sees it.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeCertificate, selfSign } from '../../src/enroll/index.ts'
import { type Card, createCard } from '../../src/index.ts'
import { refused } from '../library/refusal.ts'
import { tempDir } from '../support/temp.ts'

const folder = tempDir('self-sign')
const home = tempDir('home')
const PIN = '135790'
let card: Card

const openssl = (...argv: string[]) => execFileSync('openssl', argv, { encoding: 'utf8', stdio: 'pipe', cwd: folder })

function pem(der: Uint8Array): string {
  writeFileSync(join(folder, 'der'), der)
  openssl('x509', '-inform', 'der', '-in', 'der', '-out', 'pem')
  return 'pem'
}

test.before(async () => {
  card = await createCard({ name: 'work', tcti: 'embedded:', home, pin: PIN })
  await card.verifyPin(PIN)
})
test.after(() => card?.close())

const rows = [
  ['9a', 'P-256', {}, 'Digital Signature', 'ecdsa-with-SHA256'],
  ['9a', 'P-384', { hash: 'SHA-384' }, 'Digital Signature', 'ecdsa-with-SHA384'],
  ['9c', 'P-256', {}, 'Digital Signature, Non Repudiation', 'ecdsa-with-SHA256'],
  ['9c', 'RSA-2048', { padding: 'pss' }, 'Digital Signature, Non Repudiation', 'rsassaPss'],
  ['9d', 'RSA-2048', {}, 'Key Encipherment', 'sha256WithRSAEncryption'],
  ['9d', 'P-256', { hash: 'SHA-512' }, 'Key Agreement', 'ecdsa-with-SHA512'],
  ['9e', 'P-256', {}, 'Digital Signature', 'ecdsa-with-SHA256'],
  ['95', 'RSA-2048', { hash: 'SHA-384', padding: 'pss' }, 'Key Encipherment', 'rsassaPss'],
] as const

for (const [slot, algorithm, how, usage, signature] of rows) {
  test(`${slot} ${algorithm} ${JSON.stringify(how)}`, async () => {
    await card.generateKey(slot, { algorithm })
    // With the PIN, as an always key wants it; signing the second time shows that it is asked for nothing more.
    const made = await selfSign(card, slot, { ...how, pin: PIN })
    assert.equal(await card.getCertificate(slot), { certificate: made })
    const file = pem(made)
    assert.match(openssl('verify', '-check_ss_sig', '-CAfile', file, file), 'OK')
    const text = openssl('x509', '-in', file, '-noout', '-text', '-nameopt', 'RFC2253')
    assert.ok(text.includes(`X509v3 Key Usage: critical\n                ${usage}\n`), text)
    assert.ok(text.includes(`Signature Algorithm: ${signature}`), text)
    assert.match(text, 'Subject: CN=work')
  })
}

test('without the PIN in the call, what was verified before serves', async () => {
  await selfSign(card, '9a')
})

test('the subject, the time and the description are those that were asked for', async () => {
  // Attributes of one level have no order but that of DER, and openssl shows them the other way round.
  const subject = 'UID=mb+CN=Bäcker\\, Maria,O=Example Ltd,DC=example,DC=com,C=DE'
  const before = Math.floor(Date.now() / 1000) * 1000
  const made = await selfSign(card, '9a', { subject, days: 10 })
  const facts = describeCertificate(made)
  assert.is(facts.subject, subject)
  assert.is(facts.issuer, subject)
  assert.is(facts.notAfter.getTime() - facts.notBefore.getTime(), 10 * 86_400_000)
  assert.ok(facts.notBefore.getTime() >= before && facts.notBefore.getTime() <= Date.now())
  const file = pem(made)
  const shown = openssl(
    'x509',
    '-in',
    file,
    '-noout',
    '-subject',
    '-serial',
    '-fingerprint',
    '-sha256',
    '-nameopt',
    'RFC2253,utf8',
  )
  assert.ok(shown.includes('CN=B\\C3\\A4cker\\, Maria+UID=mb,O=Example Ltd,DC=example,DC=com,C=DE'), shown)
  assert.ok(shown.toLowerCase().includes(`serial=${facts.serialNumber}`), shown)
  assert.ok(shown.replaceAll(':', '').toLowerCase().includes(facts.fingerprint), shown)
})

test('a refusal changes nothing', async () => {
  const before = await card.getCertificate('9a')
  await refused('ERR_USAGE', 2, () => selfSign(card, '9a', { subject: 'Maria' }))
  for (const days of [0, 10_000, 1.5]) await refused('ERR_USAGE', 2, () => selfSign(card, '9a', { days }))
  await refused('ERR_ALGORITHM', 2, () => selfSign(card, '9a', { hash: 'SHA-1' }))
  await refused('ERR_KEY_ABSENT', 8, () => selfSign(card, '83'))
  await refused('ERR_SLOT', 2, () => selfSign(card, '99'))
  await refused('ERR_PIN_REQUIRED', 4, () => selfSign(card, '9c'))
  await card.lock()
  await refused('ERR_PIN_REQUIRED', 4, () => selfSign(card, '9a'))
  assert.equal(await card.getCertificate('9a'), before)
})

test.run()
