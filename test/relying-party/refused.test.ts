// takes: 5 s
// Each reason for which a certificate is refused, over TLS and in a signed challenge: with its code, in words.
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { REFUSALS, type RefusalCode } from '../../examples/relying-party/refusals.ts'
import { fromHex, hex, utf8 } from '../../src/bytes.ts'
import { tlv } from '../../src/iso7816/tlv.ts'
import { tessera } from '../cli/cli.ts'
import { answered } from './answer.ts'
import { type Authority, GOOD, issue, newAuthority, type Wishes, write } from './issue.ts'
import { ask, enrolled, MARIA, type Person, type Sample, startSample } from './support.ts'

const users = {
  [MARIA.address]: { user: MARIA.user, name: MARIA.name },
  'kim@lab.example': { user: 'kim', name: 'Kim' },
}
const sample: Sample = await startSample({ times: { refresh: 0 }, users: write(JSON.stringify(users)) })
const { lab } = sample
const own: Authority = { certificate: lab.certificateFile, key: lab.directory.keyFile }
test.after(() => sample.close())

const UPN = '1.3.6.1.4.1.311.20.2.3'
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** Fails unless all ways in are refused for this reason. */
async function refusedFor(person: Person, code: RefusalCode, words: RegExp | string): Promise<void> {
  for (const version of VERSIONS) {
    const options = { minVersion: version, maxVersion: version }
    const { status, json } = await ask(sample, '/session', { person, options })
    assert.is(json.error, code, `${version}: ${JSON.stringify(json)}`)
    assert.is(status, REFUSALS[code][0])
    assert.match(json.message ?? '', words)
    const page = await ask(sample, '/', { person, options, headers: { Accept: 'text/html' } })
    assert.is(page.status, status)
    assert.match(page.text, code)
    assert.match(page.text, 'Not signed in')
  }
  const { status, json } = await answered(sample, person)
  assert.is(json.error, code, JSON.stringify(json))
  assert.is(status, REFUSALS[code][0])
}

test('a good one, of each kind of key, is let in by either way', async () => {
  for (const kind of ['P-256', 'P-384', 'RSA-2048'] as const) {
    for (const person of [await enrolled(lab, kind), issue(own, lab.crl, { kind })]) {
      for (const version of VERSIONS) {
        const { status, json } = await ask(sample, '/session', { person, options: { maxVersion: version } })
        assert.is(status, 200, JSON.stringify(json))
        const { expires = '', ...said } = json
        assert.equal(said, { user: MARIA.user, address: MARIA.address, how: 'certificate' })
        assert.ok(Date.parse(expires) > Date.now())
      }
      const { status, json } = await answered(sample, person)
      assert.is(status, 200, JSON.stringify(json))
      assert.is(json.how, 'challenge')
    }
  }
})

test('a name is the same in upper and lower case', async () => {
  const person = issue(own, lab.crl, upnInDer('Maria@LAB.example'))
  assert.is((await ask(sample, '/session', { person })).json.address, MARIA.address)
})

test('no certificate', async () => {
  for (const maxVersion of VERSIONS) {
    const { status, json } = await ask(sample, '/session', { options: { maxVersion } })
    assert.equal([status, json.error], [401, 'no-certificate'])
  }
  const { status, text } = await ask(sample, '/', { headers: { Accept: 'text/html' } })
  assert.is(status, 401)
  assert.match(text, 'Nobody is signed in')
})

/** Certificates of the CA that are wrong in one way. */
const WRONG: ReadonlyArray<readonly [name: string, wishes: Wishes, code: RefusalCode, words: string]> = [
  ['expired', { from: -30, until: -1 }, 'expired', 'expired on 20'],
  ['not valid yet', { from: 1 }, 'not-yet-valid', 'valid from 20'],
  ['for servers', { extensions: { extendedKeyUsage: 'serverAuth' } }, 'wrong-purpose', 'client authentication'],
  ['for any purpose', { extensions: { extendedKeyUsage: 'anyExtendedKeyUsage' } }, 'wrong-purpose', ''],
  ['for no purpose', { extensions: { extendedKeyUsage: undefined } }, 'wrong-purpose', 'not for signing in'],
  ['for no signatures', { extensions: { keyUsage: 'keyEncipherment' }, kind: 'RSA-2048' }, 'wrong-purpose', ''],
  ['of a short key', { kind: 'RSA-1024' }, 'wrong-purpose', 'of a kind not taken'],
  ['of another curve', { kind: 'P-521' }, 'wrong-purpose', 'of a kind not taken'],
  ['of a CA', { extensions: { basicConstraints: 'critical,CA:TRUE' } }, 'untrusted', 'that of a CA'],
  ['with something critical', { extensions: { '1.2.3.4': 'critical,DER:0500' } }, 'untrusted', '1.2.3.4'],
  ['signed by way of SHA-1', { digest: 'sha1' }, 'untrusted', 'a hash that is not safe'],
  ['of nobody', { extensions: { subjectAltName: undefined } }, 'unknown-user', 'has to name one user'],
  ['of somebody else', upn('UTF8:eve@lab.example'), 'unknown-user', 'does not know eve@lab.example'],
  ['with a name of another type', upn(`IA5:${MARIA.address}`), 'unknown-user', 'has to name one user'],
  ['with a name that looks alike', upnInDer('mari\u0430@lab.example'), 'unknown-user', 'does not know'],
  ['with the sign of Kelvin for a K', upnInDer('\u212Aim@lab.example'), 'unknown-user', 'does not know'],
  ['with a name and more', upnInDer(`${MARIA.address}\0.evil.example`), 'unknown-user', 'has to name one user'],
  ['with an address alone', { extensions: { subjectAltName: `email:${MARIA.address}` } }, 'unknown-user', 'one user'],
  [
    'with two names',
    { extensions: { subjectAltName: `${GOOD.subjectAltName},otherName:${UPN};UTF8:eve@lab.example` } },
    'unknown-user',
    'has to name one user',
  ],
  [
    'with a name inside of another one',
    {
      extensions: { subjectAltName: '@names' },
      sections: `[names]\nemail = "x, othername:UPN:${MARIA.address}, y"`,
    },
    'unknown-user',
    'has to name one user',
  ],
]

function upn(value: string): Wishes {
  return { extensions: { subjectAltName: `otherName:${UPN};${value}` } }
}

/** Any octets, which openssl's own notation does not have. */
function upnInDer(text: string): Wishes {
  const other = tlv(0xa0, fromHex('060a2b060104018237140203') ?? new Uint8Array(0), tlv(0xa0, tlv(0x0c, utf8(text))))
  return { extensions: { subjectAltName: `DER:${hex(tlv(0x30, other))}` } }
}

for (const [name, wishes, code, words] of WRONG) {
  test(`${name}: ${code}`, () => refusedFor(issue(own, lab.crl, wishes), code, words))
}

test('issued by another CA of the same names, by itself, by a user: untrusted', async () => {
  const subject = new X509Certificate(lab.pem).subject.split('\n').join(', ')
  const other = newAuthority(subject)
  assert.is(new X509Certificate(issue(other, lab.crl).cert).issuer, new X509Certificate(lab.pem).subject)
  const user = await enrolled(lab)
  const byUser: Authority = { certificate: write(user.cert), key: write(user.key) }
  const words = 'was not issued by a CA that this service trusts'
  // The last one has the CA's own key, and another name.
  const authorities = [other, newAuthority('CN=maria'), byUser, newAuthority('CN=Another CA', own.key)]
  for (const authority of authorities) await refusedFor(issue(authority, lab.crl), 'untrusted', words)
  const unnamed = { extensions: { authorityKeyIdentifier: 'none' } }
  await refusedFor(issue(other, lab.crl, unnamed), 'untrusted', words)
})

test('a CA that has expired issues nothing that is good', async () => {
  const later = await startSample({ now: () => Date.now() + 11 * 365 * 24 * 60 * 60 * 1000 }, lab)
  const { json } = await ask(later, '/session', { person: await enrolled(lab) })
  await later.close()
  assert.equal([json.error, json.message], ['untrusted', 'The CA that issued the certificate has expired.'])
})

test('revoked by `tessera lab-ca revoke`: at once, and the others are still let in', async () => {
  const [person, other] = [await enrolled(lab), await enrolled(lab)]
  assert.is((await ask(sample, '/session', { person })).status, 200)
  const entries = await lab.registration.entries()
  const serial = new X509Certificate(person.cert).serialNumber
  const id = entries.find(
    ({ certificate }) => certificate && new X509Certificate(certificate).serialNumber === serial,
  )?.id
  const { code, stderr } = await tessera(['lab-ca', 'revoke', String(id), '--directory', lab.directory.path])
  assert.is(code, 0, stderr)
  await refusedFor(person, 'revoked', 'was revoked')
  assert.is((await ask(sample, '/session', { person: other })).status, 200)
})

test.run()
