// takes: 15 s
// Requests for certificates, as openssl sees them: every kind of key, and everything that can be asked for.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { requestCertificate } from '../../src/enroll/index.ts'
import { type Card, createCard } from '../../src/index.ts'
import { refused } from '../library/refusal.ts'
import { tempDir } from '../support/temp.ts'
import { file, openssl, write } from './support/openssl.ts'

const PIN = '135790'
let card: Card

test.before(async () => {
  card = await createCard({ name: 'work', tcti: 'embedded:', home: tempDir('home'), pin: PIN })
  await card.verifyPin(PIN)
  await card.generateKey('9a')
})
test.after(() => card?.close())

/** What openssl says of a request, after it has verified its signature. */
function shown(request: Uint8Array): string {
  write('request.der', request)
  return openssl('req', '-inform', 'der', '-in', 'request.der', '-noout', '-verify', '-text', '-nameopt', 'RFC2253')
}

const rows = [
  ['9a', 'P-256', {}, 'Digital Signature', 'ecdsa-with-SHA256'],
  ['9c', 'P-384', { hash: 'SHA-384' }, 'Digital Signature, Non Repudiation', 'ecdsa-with-SHA384'],
  ['9d', 'RSA-2048', {}, 'Key Encipherment', 'sha256WithRSAEncryption'],
  ['9d', 'RSA-2048', { padding: 'pss', hash: 'SHA-384' }, 'Key Encipherment', 'rsassaPss'],
  ['9e', 'P-256', { hash: 'SHA-512' }, 'Digital Signature', 'ecdsa-with-SHA512'],
  ['82', 'P-256', {}, 'Key Agreement', 'ecdsa-with-SHA256'],
] as const

for (const [slot, algorithm, how, usage, signature] of rows) {
  test(`${slot} ${algorithm} ${JSON.stringify(how)}`, async () => {
    if (!(await card.keys()).some((key) => key.slot === slot)) await card.generateKey(slot, { algorithm })
    const text = shown(await requestCertificate(card, slot, { ...how, pin: PIN }))
    assert.ok(text.includes(`Signature Algorithm: ${signature}`), text)
    assert.ok(text.includes(`X509v3 Key Usage: critical\n                    ${usage}\n`), text)
    assert.match(text, 'Subject: CN=work\n')
  })
}

test('everything that can be asked for', async () => {
  const request = await requestCertificate(card, '9a', {
    subject: 'CN=Maria Example,O=Example Ltd,C=DE',
    email: 'maria@example.com',
    upn: 'maria@corp.example',
    principal: 'maria/admin@CORP.EXAMPLE',
    sid: 'S-1-5-21-1004336348-1177238915-682003330-512',
    purposes: ['smart-card-logon', 'client-authentication', 'email-protection', 'kerberos-client', '1.2.3.4'],
    template: 'Smartcard user',
  })
  const text = shown(request)
  for (const expected of [
    'Subject: CN=Maria Example,O=Example Ltd,C=DE\n',
    'email:maria@example.com, othername: UPN::maria@corp.example, othername: 1.3.6.1.5.2.2::<unsupported>',
    'Microsoft Smartcard Login, TLS Web Client Authentication, E-mail Protection, PKINIT Client Auth, 1.2.3.4',
    '1.3.6.1.4.1.311.25.2: \n',
    'S-1-5-21-1004336348-1177238915-682003330-512\n',
    '...S.m.a.r.t.c.a.r.d. .u.s.e.r\n',
  ]) {
    assert.ok(text.includes(expected), `${expected}: ${text}`)
  }
})

test('a Kerberos principal is encoded as openssl encodes it', async () => {
  const request = Buffer.from(await requestCertificate(card, '9a', { principal: 'maria/admin@CORP.EXAMPLE' }))
  const config = [
    'asn1=SEQUENCE:principal',
    '[principal]',
    'realm=EXP:0,GeneralString:CORP.EXAMPLE',
    'name=EXP:1,SEQUENCE:name',
    '[name]',
    'type=EXP:0,INTEGER:1',
    'strings=EXP:1,SEQUENCE:parts',
    '[parts]',
    'a=GeneralString:maria',
    'b=GeneralString:admin',
  ]
  write('asn.cnf', config.join('\n'))
  openssl('asn1parse', '-genconf', 'asn.cnf', '-noout', '-out', 'principal.der')
  assert.ok(request.includes(Buffer.from(file('principal.der'))))
})

test('what is asked for wrongly is refused before anything is signed', async () => {
  const wrong = [
    { subject: 'Maria' },
    { email: 'maria' },
    { email: 'mäuschen@example.com' },
    { email: 'a@b c' },
    { upn: 'maria' },
    { upn: 'a@b@c' },
    { upn: `${'x'.repeat(65)}@b` },
    { principal: 'maria' },
    { principal: 'a//b@C' },
    { sid: '500' },
    { sid: 'S-1-5-21-' },
    { purposes: ['logon'] },
    { purposes: ['1.2.'] },
    { purposes: [''] },
    { template: '' },
    { template: 'a\0b' },
  ]
  await card.lock()
  for (const options of wrong) await refused('ERR_USAGE', 2, () => requestCertificate(card, '9a', options))
  for (const hash of ['SHA-1', 'MD5']) await refused('ERR_ALGORITHM', 2, () => requestCertificate(card, '9a', { hash }))
  await refused('ERR_KEY_ABSENT', 8, () => requestCertificate(card, '83'))
  await refused('ERR_PIN_REQUIRED', 4, () => requestCertificate(card, '9a'))
})

test.run()
