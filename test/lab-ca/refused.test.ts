// takes: 5 s
// What the CA does not put into a certificate, and does not sign at all: each refused in words.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Intake } from '../../src/lab-ca/intake.ts'
import { Refusal } from '../../src/lab-ca/notice.ts'
import { PRINCIPAL, UPN } from './names.ts'
import { type Asked, type KeyKind, makeKey, makeRequest, startLab } from './support.ts'

const lab = await startLab()
await lab.close()
const intake = await Intake.open(lab.registration, { atOnce: true })
const user = await lab.directory.user('alice')

const refused: ReadonlyArray<readonly [what: string, asked: Asked & { kind?: KeyKind }, words: RegExp | string]> = [
  ['the UPN of another user', { extensions: [`subjectAltName = ${UPN}bob@lab.example`] }, 'the UPN "bob@lab.example"'],
  ['the address of another', { extensions: ['subjectAltName = email:bob@mail.example'] }, 'the e-mail address "bob'],
  [
    'own UPN and that of another',
    { extensions: [`subjectAltName = ${UPN}alice@lab.example,${UPN}root@lab.example`] },
    'root@',
  ],
  ['a DNS name', { extensions: ['subjectAltName = DNS:www.example'] }, 'the DNS name "www.example"'],
  ['an IP address', { extensions: ['subjectAltName = IP:10.0.0.1'] }, 'a kind that this CA does not issue'],
  [
    'a principal of another',
    { extensions: PRINCIPAL.map((line) => line.replace('alice', 'bob')) },
    'Kerberos principal "bob@',
  ],
  [
    'a principal of another realm',
    { extensions: PRINCIPAL.map((line) => line.replace('LAB.', 'TOP.')) },
    'Kerberos principal',
  ],
  ['to be a server', { extensions: ['extendedKeyUsage = serverAuth'] }, 'the purpose server-authentication'],
  ['any purpose', { extensions: ['extendedKeyUsage = anyExtendedKeyUsage'] }, 'the purpose any'],
  ['to be a CA', { extensions: ['basicConstraints = CA:TRUE'] }, 'of a CA'],
  ['to sign certificates', { extensions: ['keyUsage = keyCertSign'] }, 'key usage'],
  ['key agreement for RSA', { kind: 'RSA-2048', extensions: ['keyUsage = keyAgreement'] }, 'key usage'],
  ['key encipherment for EC', { extensions: ['keyUsage = keyEncipherment'] }, 'key usage'],
  ['name constraints', { extensions: ['nameConstraints = permitted;DNS:x'] }, 'the extension 2.5.29.30'],
  ['another template', { extensions: ['1.3.6.1.4.1.311.20.2 = ASN1:BMPSTRING:SmartcardLogon'] }, 'another template'],
  ['a SID that is not theirs', { extensions: ['1.3.6.1.4.1.311.25.2 = DER:30:03:02:01:05'] }, 'security identifier'],
  ['a malformed list of purposes', { extensions: ['2.5.29.37 = DER:30:05:06:03:55'] }, 'An extension in the request'],
  ['a weak key', { kind: 'RSA-1024' }, 'has 1024 bits: that is too weak'],
  ['too long a key', { kind: 'RSA-4097' }, '4096 at most'],
  ['a small exponent', { kind: 'RSA with 3' }, 'exponent'],
  ['another curve', { kind: 'P-521' }, 'use P-256 or P-384'],
  ['another kind of key', { kind: 'Ed25519' }, /not taken/],
  ['SHA-1', { how: ['-sha1'] }, 'SHA-1, which is broken'],
  ['SHA-1 with RSA', { kind: 'RSA-2048', how: ['-sha1'] }, 'SHA-1, which is broken'],
  ['MD5 with RSA', { kind: 'RSA-2048', how: ['-md5'] }, 'MD5, which is broken'],
  [
    'PSS with SHA-1',
    { kind: 'RSA-2048', how: ['-sha1', '-sigopt', 'rsa_padding_mode:pss'] },
    'PSS by way of SHA-1, which is broken',
  ],
  [
    'PSS with another salt',
    { kind: 'RSA-2048', how: ['-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:5'] },
    'PSS in an unusual way',
  ],
]
for (const [what, { kind, ...asked }, words] of refused) {
  test(`refused: ${what}`, async () => {
    assert.ok(user)
    const request = makeRequest({ key: makeKey(kind), ...asked })
    const outcome = await intake.submit({ user, template: 'SmartcardUser', request }).catch((error: unknown) => error)
    const said = outcome instanceof Refusal ? outcome.message : (outcome as { reason?: string }).reason
    assert.match(said ?? '', words)
    assert.match(said ?? '', /^[A-Z].+\.$/)
  })
}

test('nothing of it was issued', async () => {
  for (const { state } of await lab.registration.entries()) assert.is(state, 'denied')
})

test.run()
