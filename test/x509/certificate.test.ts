// What is read out of certificates, as openssl made them, and what is refused; the small codecs below.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex, utf8 } from '../../src/bytes.ts'
import { UsageError } from '../../src/errors.ts'
import { TlvError, tlv } from '../../src/iso7816/tlv.ts'
import { signatureFacts } from '../../src/x509/algorithms.ts'
import {
  readAlternativeNames,
  readSecurityIdentifier,
  writeAlternativeNames,
  writeSecurityIdentifier,
} from '../../src/x509/alternative-names.ts'
import { firstElement, toDer } from '../../src/x509/ber.ts'
import { readAlgorithm, readCertificate } from '../../src/x509/certificate.ts'
import { EXTENSIONS } from '../../src/x509/extensions.ts'
import { dotted, oidOctets } from '../../src/x509/oid.ts'
import { Parts } from '../../src/x509/parts.ts'
import { readPurposes, writePurposes } from '../../src/x509/purposes.ts'
import { certificate, derOf, file, openssl } from '../enroll/support/openssl.ts'
import { octets } from '../support/octets.ts'

const refusedBy = (kind: abstract new (...args: never[]) => Error, work: () => unknown, what = '') =>
  assert.throws(work, (error: unknown) => error instanceof kind, what)

test('a certificate, part by part', () => {
  const der = certificate('whole', {
    subject: '/C=DE/CN=Maria',
    extensions: ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth'],
  })
  const read = readCertificate(der)
  const said = openssl('x509', '-in', 'whole.pem', '-noout', '-serial', '-startdate', '-enddate')
  const [, serial = '', from = '', to = ''] = /serial=(\S+)\nnotBefore=(.+)\nnotAfter=(.+)\n/.exec(said) ?? []
  assert.equal([read.serialNumber, read.notBefore, read.notAfter], [serial.toLowerCase(), new Date(from), new Date(to)])
  assert.is(read.signatureAlgorithm, '1.2.840.10045.4.3.2')
  assert.equal(read.issuer, read.subject)
  openssl('x509', '-in', 'whole.pem', '-noout', '-pubkey', '-out', 'whole.pub')
  openssl('pkey', '-pubin', '-in', 'whole.pub', '-outform', 'der', '-out', 'whole.spki')
  assert.equal(read.spki, file('whole.spki'))
  assert.equal(
    read.extensions.filter(({ critical }) => critical).map(({ id }) => id),
    [EXTENSIONS.keyUsage],
  )
  assert.ok(read.extensions.some(({ id }) => id === EXTENSIONS.purposes))
})

test('version 1, times after 2049, a serial number with a leading zero', () => {
  certificate('old')
  assert.equal(readCertificate(derOf('old.pem')).extensions, [])
  const far = readCertificate(certificate('far', { from: '20480101000000Z', to: '20601231235959Z', by: 'old' }))
  assert.is(far.notAfter.toISOString(), '2060-12-31T23:59:59.000Z')
})

/** Replaces the one place where `from` stands. */
function altered(der: Uint8Array, from: string, to: string): Uint8Array {
  const [digits, at] = [hex(der), hex(der).indexOf(from)]
  assert.ok(at >= 0 && at % 2 === 0 && from.length === to.length, from)
  return octets(digits.slice(0, at) + to + digits.slice(at + from.length))
}

test('what is odd in a certificate is named, and what is none is refused', () => {
  const der = certificate('wrong', {
    to: '20991231235959Z',
    from: '20200101000000Z',
    extensions: ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth'],
  })
  const rows: ReadonlyArray<readonly [string, Uint8Array]> = [
    ['cut short', der.slice(0, -1)],
    ['octets after it', Uint8Array.from([...der, 0x05, 0x00])],
    ['nothing', new Uint8Array(0)],
    ['a sequence of nothing', octets('30 00')],
  ]
  const odd: ReadonlyArray<readonly [RegExp, Uint8Array]> = [
    [/version/, altered(der, 'a003020102', 'a003020101')],
    [/two signature algorithms/, altered(der, '06082a8648ce3d0403023', '06082a8648ce3d0403033')],
    [/time/, altered(der, '170d323030313031', '170d323031333031')],
    [/time/, altered(der, '170d323030313031', '170d323030313061')],
    [/twice/, altered(der, '0603551d25', '0603551d0f')],
    [/time/, altered(der, '170d323030313031', '130d323030313031')],
  ]
  assert.equal(readCertificate(der).oddities, [])
  for (const [what, damaged] of odd) {
    const { oddities, subject } = readCertificate(damaged)
    assert.is(oddities.length, 1, String(what))
    assert.match(oddities[0] ?? '', what)
    assert.equal(subject, readCertificate(der).subject)
  }
  for (const [what, damaged] of rows) refusedBy(TlvError, () => readCertificate(damaged), what)
})

test('names of a person are read as they are written, and strangers are passed over', () => {
  const names = { email: ['maria@example.com'], upn: ['mäx@corp.example'], principal: ['maria/admin@CORP.EXAMPLE'] }
  const value = writeAlternativeNames(names)
  assert.equal(value && readAlternativeNames(value), { ...names, dns: [], uri: [] })
  assert.is(writeAlternativeNames({}), undefined)
  const more = [
    'subjectAltName=DNS:a.example,URI:http://b.example,IP:127.0.0.1,RID:1.2.3,otherName:1.2.3;UTF8:x,email:m@x.y',
  ]
  const { extensions } = readCertificate(certificate('names', { extensions: more }))
  const read = readAlternativeNames(
    extensions.find(({ id }) => id === EXTENSIONS.alternativeNames)?.value ?? octets(''),
  )
  assert.equal(read, { email: ['m@x.y'], upn: [], principal: [], dns: ['a.example'], uri: ['http://b.example'] })
  const upn = '06 0a 2b060104018237140203'
  const bad = [
    '30 02 a0 00',
    `30 12 a0 10 ${upn} a0 02 0c 00 00`,
    `30 11 a0 0f ${upn} a0 03 0c 01 ff`,
    '31 00',
    '30 01 81',
    '30 0b a0 09 0607 2b060105020203',
  ]
  for (const one of bad) refusedBy(TlvError, () => readAlternativeNames(octets(one)), one)
})

test('a security identifier is read as it is written', () => {
  const sid = 'S-1-5-21-1004336348-1177238915-682003330-512'
  assert.is(readSecurityIdentifier(writeSecurityIdentifier(sid)), sid)
  assert.is(readSecurityIdentifier(octets('30 00')), undefined)
  refusedBy(TlvError, () => readSecurityIdentifier(octets('04 00')))
  for (const wrong of ['', 'S-1-5', 's-1-5-1', 'S-1-5-21-x'])
    refusedBy(UsageError, () => writeSecurityIdentifier(wrong), wrong)
})

test('purposes by name and by number', () => {
  const value = writePurposes(['client-authentication', 'Smart-Card-Logon', '1.2.3.4'])
  assert.equal(value && readPurposes(value), ['client-authentication', 'smart-card-logon', '1.2.3.4'])
  assert.is(writePurposes([]), undefined)
  refusedBy(UsageError, () => writePurposes(['logon']))
  for (const wrong of ['30 02 05 00', '31 00', '30 03 06 01'])
    refusedBy(TlvError, () => readPurposes(octets(wrong)), wrong)
})

test('object identifiers', () => {
  for (const text of [
    '1.2.840.113549.1.1.11',
    '2.5.29.15',
    '0.9.2342',
    '2.999.3',
    '1.3.6.1.4.1.311.20.2.3',
    '2.16.840.1.101.3.7',
    // A UUID, X.667; and more than fits into one of JavaScript's numbers.
    '2.25.329800735698586629295641978511506172918',
    '1.2.99999999999',
  ]) {
    assert.is(dotted(oidOctets(text) ?? octets('')), text)
  }
  for (const wrong of ['', '1', '3.1', '1.40', '1..2', '1.02', 'a.b', `1.2.${'9'.repeat(40)}`])
    assert.is(oidOctets(wrong), undefined, wrong)
})

test('signature algorithms: by name, PSS by its parameters, and the broken ones', () => {
  const rows: ReadonlyArray<readonly [string, string, string, string | undefined]> = [
    ['1.2.840.113549.1.1.5', '', 'RSA', 'SHA-1'],
    ['1.2.840.10045.4.3.4', '', 'ECDSA', 'SHA-512'],
    ['1.3.101.112', '', 'Ed25519', 'SHA-512'],
    ['1.2.3', '', '1.2.3', undefined],
    ['1.2.840.113549.1.1.10', '', 'RSA-PSS', 'SHA-1'],
    ['1.2.840.113549.1.1.10', 'a0 0d 30 0b 06 09 608648016503040202', 'RSA-PSS', 'SHA-384'],
    ['1.2.840.113549.1.1.10', 'a0 04 30 02 06 00', 'RSA-PSS', undefined],
    ['1.2.840.113549.1.1.10', 'a0 02 05', 'RSA-PSS', undefined],
  ]
  for (const [id, parameters, name, hash] of rows)
    assert.equal(signatureFacts(id, octets(parameters)), { name, hash }, id)
  refusedBy(TlvError, () => readAlgorithm(octets('06 01 2a 05 00 05 00')))
})

test('parts come in their order, each with its tag', () => {
  const parts = new Parts(octets('02 01 05 04 02 aabb 30 00'))
  assert.is(parts.takeIf(0x04), undefined)
  assert.equal(parts.take(0x02), octets('05'))
  refusedBy(TlvError, () => parts.take(0x30))
  refusedBy(TlvError, () => parts.end())
  assert.equal(parts.takeWhole(0x04), octets('04 02 aabb'))
  assert.is(parts.rest().length, 1)
  parts.end()
})

test('BER becomes DER: lengths without end, octet strings in pieces, long lengths', () => {
  const rows = [
    ['02 01 05', '02 01 05'],
    ['02 81 01 05', '02 01 05'],
    ['30 80 02 01 05 00 00', '30 03 02 01 05'],
    ['30 80 30 80 00 00 00 00', '30 02 30 00'],
    ['24 80 04 01 aa 04 02 bbcc 00 00', '04 03 aabbcc'],
    ['24 07 04 01 aa 24 02 04 00', '04 01 aa'],
    ['a0 80 04 00 00 00', 'a0 02 04 00'],
    ['04 84 00000001 ff', '04 01 ff'],
  ]
  for (const [ber = '', der = ''] of rows) assert.is(hex(toDer(octets(ber))), der.replaceAll(' ', ''), ber)
  const long = tlv(0x04, utf8('x'.repeat(300)))
  assert.equal(toDer(octets(`2480${hex(long)}0000`)), long)
  const bad = [
    '',
    '02',
    '02 05 00',
    '04 80 00 00',
    '30 80 02 01 05',
    '00 00',
    '1f 01 00',
    '02 85 0000000001 05',
    '24 03 02 01 05',
    '02 01 05 00',
    '30 84 ffffffff',
  ]
  for (const wrong of bad) refusedBy(TlvError, () => toDer(octets(wrong)), wrong)
  refusedBy(TlvError, () => toDer(octets('3080'.repeat(60) + '0000'.repeat(60))), 'depth')
})

test('the first of several elements, as it is written', () => {
  for (const first of ['02 01 05', '30 80 02 01 05 00 00']) {
    assert.equal(firstElement(octets(`${first} 04 00`)), octets(first))
  }
  for (const wrong of ['', '30', '02 05 00', '30 80 02 01 05']) refusedBy(TlvError, () => firstElement(octets(wrong)))
})

test.run()
