// Certificates that OpenSSL takes and that are not as RFC 5280 says, or hold what is written rarely: each is described as
// far as it is understood, and a request to renew it copies subject and alternative names octet by octet.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, fromHex, hex, utf8 } from '../../src/bytes.ts'
import { extensionsOf, subjectOf } from '../../src/enroll/content.ts'
import { type CertificateDescription, describeCertificate } from '../../src/enroll/describe.ts'
import { readCertificates } from '../../src/enroll/read.ts'
import { UsageError } from '../../src/errors.ts'
import { DER, element, field } from '../../src/iso7816/der.ts'
import { tlv } from '../../src/iso7816/tlv.ts'
import type { Card } from '../../src/piv/host/card.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { readAlternativeNames } from '../../src/x509/alternative-names.ts'
import { extensionIn, readCertificate } from '../../src/x509/certificate.ts'
import { formatName } from '../../src/x509/name-text.ts'
import { oid } from '../../src/x509/oid.ts'
import { readTime } from '../../src/x509/time.ts'
import { root } from '../runner/jobs.ts'
import { certificate } from './support/openssl.ts'

const folder = join(root, 'test/enroll/odd')
const read = (name: string) => Uint8Array.from(readFileSync(join(folder, name)))
const KEY = { slot: parseSlot('9a'), algorithm: 'P-256' } as const
const NOBODY = { name: 'work' } as Card

for (const name of readdirSync(folder)) {
  test(`${name}: described, taken, and renewed as it is`, () => {
    const der = read(name)
    assert.equal(readCertificates(der), [der])
    describeCertificate(der)
    const old = readCertificate(der)
    const wanted = extensionsOf({}, KEY, old)
    assert.ok(der.length < 4096 && hex(der).includes(hex(subjectOf({}, NOBODY, old))))
    for (const kind of ['alternativeNames', 'purposes', 'securityIdentifier'] as const)
      assert.equal(extensionIn({ extensions: wanted }, kind), extensionIn(old, kind), kind)
  })
}

const SAID: ReadonlyArray<readonly [file: string, said: Partial<CertificateDescription>]> = [
  ['c02-upn-bmp.der', { upn: ['rosa@example.org'], oddities: [] }],
  ['c03-krb-utf8.der', { principal: ['rosa@EXAMPLE.ORG'], oddities: [] }],
  ['c04-eku-uuid.der', { purposes: ['client-authentication', '2.25.329800735698586629295641978511506172918'] }],
  ['c10-empty-subject.der', { subject: '', email: ['rosa@example.org'] }],
  ['c12-v1-with-exts.der', { oddities: ['it has extensions, which its version does not have'] }],
  ['c13b-othername-noexplicit.der', { email: ['rosa@example.org'] }],
  ['c16-email-utf8.der', { email: ['rosa.müller@example.org'] }],
  ['c38-ext-trailing.der', { oddities: ['there are octets after its alternative names'] }],
  ['c43-krb-utf8gs.der', { principal: ['jürgen@EXAMPLE.ORG'] }],
  ['c55-email-utf8.der', { subject: 'CN=Rosa,emailAddress=rosa@exämple.org' }],
  ['c60-renew.der', { email: ['rosa@example.org', 'rosa.beispiel@example.org'], upn: ['rosa@example.org'] }],
]
for (const [name, said] of SAID) {
  test(`${name}: in words`, () => {
    const found = describeCertificate(read(name))
    for (const [key, value] of Object.entries(said)) assert.equal(found[key as keyof typeof found], value, key)
  })
}

test('a name that is given takes the place of those of its kind, and the others stay', () => {
  const old = readCertificate(read('c60-renew.der'))
  const merged = extensionIn({ extensions: extensionsOf({ email: 'new@example.org' }, KEY, old) }, 'alternativeNames')
  const names = readAlternativeNames(merged?.value ?? tlv(0x30))
  const before = readAlternativeNames(extensionIn(old, 'alternativeNames')?.value ?? tlv(0x30))
  assert.equal(names, { ...before, email: ['new@example.org'] })
  assert.is(formatName(subjectOf({ subject: 'CN=x' }, NOBODY, old)), 'CN=x')
  const broken = { ...old, extensions: [{ id: '2.5.29.17', critical: false, value: Uint8Array.of(0x31) }] }
  assert.throws(
    () => extensionsOf({ email: 'new@example.org' }, KEY, broken),
    (error: unknown) => error instanceof UsageError,
  )
})

/** An ordinary certificate with another value of an extension, of the same length. */
function withValue(value: string, from: string): Uint8Array {
  const der = certificate('ordinary', {
    extensions: ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth', 'subjectAltName=email:m@x.y'],
  })
  const digits = hex(der)
  assert.ok(digits.includes(from) && from.length === value.length)
  return fromHex(digits.replace(from, value)) ?? der
}

test('what is not understood of an extension allows nothing, and is named', () => {
  const usage = describeCertificate(withValue('04040304 0780'.replace(' ', ''), '040403020780'))
  assert.equal([usage.usages, usage.oddities], [[], ['its key usages are not understood']])
  const purposes = describeCertificate(withValue('300a05082b06010505070302', '300a06082b06010505070302'))
  assert.equal([purposes.purposes, purposes.oddities], [[], ['its purposes are not understood']])
  const names = describeCertificate(withValue('3007a0056d40782e79', '300781056d40782e79'))
  assert.equal([names.email, names.oddities], [[], ['1 of its alternative names are not understood']])
})

const TWICE = [
  ['keyUsage=critical,digitalSignature', 'DER:030205a0', '0f', 'usages', ['digitalSignature']],
  ['extendedKeyUsage=clientAuth', 'DER:300a06082b06010505070302', '25', 'purposes', ['client-authentication']],
  ['subjectAltName=email:a@x.y', 'DER:300781056140782e79', '11', 'email', ['a@x.y']],
] as const
for (const [one, other, last, what, alone] of TWICE) {
  test(`an extension that is there twice allows nothing, whichever of the two would: ${what}`, () => {
    for (const extensions of [
      [one, `2.5.29.99=${other}`],
      [`2.5.29.99=${other}`, one],
    ]) {
      const digits = hex(certificate('twice', { extensions }))
      const described = (id: string) =>
        describeCertificate(fromHex(digits.replace('0603551d63', `0603551d${id}`)) ?? new Uint8Array(0))
      assert.equal(described('63')[what], alone)
      const twice = described(last)
      assert.equal(twice[what], [])
      assert.is(twice.oddities.length, 2)
      assert.is(twice.oddities[0], 'an extension is there twice')
      assert.match(twice.oddities[1] ?? '', 'not understood')
      const old = readCertificate(fromHex(digits.replace('0603551d63', `0603551d${last}`)) ?? new Uint8Array(0))
      assert.equal(
        extensionsOf({}, KEY, old).filter(({ value }) => value.length === 0),
        [],
        'nor is it asked for again',
      )
    }
  })
}

test('names by the types of their texts', () => {
  const name = (tag: number, octets: string) =>
    formatName(
      tlv(DER.sequence, tlv(DER.set, tlv(DER.sequence, oid('2.5.4.3'), tlv(tag, fromHex(octets) ?? utf8(''))))),
    )
  assert.is(name(0x1e, '006d00fc'), 'CN=mü')
  assert.is(name(0x1c, '0000006d0001f600'), 'CN=m😀')
  assert.is(name(0x14, '6dfc'), 'CN=mü')
  assert.is(name(0x13, '6dc3bc'), 'CN=mü')
  assert.is(name(0x16, '6dfc'), 'CN=mü')
  assert.is(name(0x1a, '6d'), 'CN=m')
  // Halves of characters, and what is too long for one.
  assert.is(name(0x1e, 'd83d'), '2.5.4.3=#1e02d83d')
  assert.is(name(0x1e, '006d00'), '2.5.4.3=#1e03006d00')
  assert.is(name(0x1c, '00110000'), '2.5.4.3=#1c0400110000')
})

test('times as X.680 has them', () => {
  const rows: ReadonlyArray<readonly [number, string, string]> = [
    [0x17, '260102030405Z', '2026-01-02T03:04:05.000Z'],
    [0x17, '2601020304Z', '2026-01-02T03:04:00.000Z'],
    [0x17, '260102030405+0130', '2026-01-02T01:34:05.000Z'],
    [0x17, '490102030405-0130', '2049-01-02T04:34:05.000Z'],
    [0x17, '500102030405Z', '1950-01-02T03:04:05.000Z'],
    [0x18, '20260102030405.25Z', '2026-01-02T03:04:05.000Z'],
    [0x18, '99991231235959Z', '9999-12-31T23:59:59.000Z'],
    [0x18, '2601020304', '1970-01-01T00:00:00.000Z'],
    [0x17, '261302030405Z', '1970-01-01T00:00:00.000Z'],
    [0x13, '260102030405Z', '1970-01-01T00:00:00.000Z'],
  ]
  for (const [tag, text, shown] of rows) assert.is(readTime({ tag, value: utf8(text) }).toISOString(), shown, text)
})

test('a certificate in BER is one, and is taken in DER', () => {
  const der = certificate('ber')
  const value = der.subarray(4)
  const ber = Uint8Array.from([0x30, 0x83, 0x00, value.length >> 8, value.length & 0xff, ...value])
  assert.equal(readCertificates(ber), [der])
  assert.is(describeCertificate(ber).subject, describeCertificate(der).subject)
  const endless = Uint8Array.from([0x30, 0x80, ...value, 0, 0])
  assert.ok(equal(readCertificates(endless)[0] ?? ber, der))
})

test('an element longer than what a card takes', () => {
  const long = element(DER.octetString, new Uint8Array(0x12345))
  assert.equal(long.subarray(0, 5), Uint8Array.of(4, 0x83, 1, 0x23, 0x45))
  assert.equal(element(field(0), utf8('a')), Uint8Array.of(0xa0, 1, 0x61))
})

test.run()
