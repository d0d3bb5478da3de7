// Certificates in their containers, plain and compressed.
import { deflateSync, gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { TlvError, tlv } from '../../src/iso7816/tlv.ts'
import { isEmptyContainer, LONGEST_CERTIFICATE, readCertificate, writeCertificate } from '../../src/piv/certificate.ts'
import { filled, octets, truncations } from '../support/octets.ts'

const refused = (error: unknown) => error instanceof TlvError
const der = tlv(0x30, filled(700))
const end = octets('fe 00')
const info = (flag: number) => tlv(0x71, Uint8Array.of(flag))

test('a plain one: 70, 71 00, FE', () => {
  const content = writeCertificate(der)
  assert.is(hex(content), hex(concat(tlv(0x70, der), octets('71 01 00 fe 00'))))
  assert.equal(readCertificate(content), der)
})

test('a compressed one: 71 01', () => {
  const content = writeCertificate(der, { gzip: true })
  assert.ok(content.length < der.length)
  assert.is(hex(content.slice(-5)), '710101fe00')
  assert.equal(readCertificate(content), der)
})

test('80 is another flag for compressed', () => {
  assert.equal(readCertificate(concat(tlv(0x70, gzipSync(der)), info(0x80), end)), der)
})

test('a MSCUID is skipped, and the order does not matter', () => {
  assert.equal(readCertificate(concat(tlv(0x70, der), info(0), tlv(0x72, filled(8)), end)), der)
  assert.equal(readCertificate(concat(end, info(0), tlv(0x70, der))), der)
})

const zlib = deflateSync(der)
const netId = concat(octets('01 00'), Uint8Array.of(der.length & 0xff, der.length >> 8), zlib)

/** As OpenSC and ykman read them: what is inside tells what it is. */
const ODD: Readonly<Record<string, Uint8Array>> = {
  'no info': concat(tlv(0x70, der), end),
  'no end': concat(tlv(0x70, der), info(0)),
  'neither info nor end': tlv(0x70, der),
  'an end that is not empty': concat(tlv(0x70, der), info(0), octets('fe 01 00')),
  'two certificates: the first one': concat(tlv(0x70, der), tlv(0x70, tlv(0x30, filled(9))), info(0), end),
  'an empty one before it': concat(tlv(0x70), tlv(0x70, der), info(0), end),
  'an info of another kind': concat(tlv(0x70, der), info(4), end),
  'an info of two octets': concat(tlv(0x70, der), octets('71 02 00 00'), end),
  'an unknown tag': concat(tlv(0x70, der), info(0), octets('99 02 01 02'), end),
  'an unknown tag before it': concat(octets('5f2f 00'), tlv(0x70, der), info(0), end),
  'noughts after it': concat(tlv(0x70, der), info(0), end, filled(15, 0)),
  'noughts before it': concat(filled(3, 0), tlv(0x70, der), info(0), end),
  'what is none after it': concat(tlv(0x70, der), info(0), octets('ff ff 53')),
  'a length too long': concat(octets('70 83 00'), Uint8Array.of(der.length >> 8, der.length), der, info(0)),
  'octets after the DER': concat(tlv(0x70, der, filled(40, 0)), info(0), end),
  'plain, said to be compressed': concat(tlv(0x70, der), info(1), end),
  'compressed, said to be plain': concat(tlv(0x70, gzipSync(der)), info(0), end),
  'octets after the compressed stream': concat(tlv(0x70, gzipSync(der), octets('00')), info(1), end),
  'compressed with zlib': concat(tlv(0x70, zlib), info(1), end),
  "Net iD's": concat(tlv(0x70, netId), info(1), end),
  "Net iD's, without info": tlv(0x70, netId),
  'no container at all': der,
  'no container at all, compressed': Uint8Array.from(gzipSync(der)),
}

for (const [what, content] of Object.entries(ODD)) {
  test(`other makers' cards: ${what}`, () => {
    assert.equal(readCertificate(content), der)
    assert.not(isEmptyContainer(content))
  })
}

test('every truncation is refused', () => {
  for (const gzip of [false, true]) {
    // What comes after the certificate is not needed.
    const content = writeCertificate(der, { gzip }).slice(0, -5)
    for (const wrong of truncations(content)) assert.throws(() => readCertificate(wrong), refused)
  }
})

test('a container without a certificate is as good as none, and one that is not understood is not', () => {
  for (const digits of ['', '70 00 71 01 00 fe 00', '70 00', '71 01 00 fe 00', 'fe 00']) {
    assert.ok(isEmptyContainer(octets(digits)), digits)
    assert.throws(() => readCertificate(octets(digits)), refused, digits)
  }
  for (const digits of [
    '70 01 00',
    '99 02 01 02 fe 00',
    '70 00 71 01 00 99 00',
    '30',
    '1f 8b',
    '04 05 06',
    '70 05 01',
    '00 00',
    'ff ff',
  ]) {
    assert.not(isEmptyContainer(octets(digits)), digits)
    assert.throws(() => readCertificate(octets(digits)), refused, digits)
  }
})

const bomb = gzipSync(new Uint8Array(50_000_000))
for (const [what, wrong] of [
  ['no DER', concat(tlv(0x70, filled(20)), info(0), end)],
  ['a DER that is cut off', concat(tlv(0x70, der.slice(0, -1)), info(0), end)],
  ['a compressed stream that is cut off', concat(tlv(0x70, gzipSync(der).subarray(0, -1)), info(1), end)],
  ['a stream of zlib that is cut off', concat(tlv(0x70, zlib.subarray(0, -9)), info(1), end)],
  ["Net iD's without anything in it", concat(tlv(0x70, netId.subarray(0, 4)), info(1), end)],
  ['compressed, and no DER in it', concat(tlv(0x70, gzipSync(filled(300))), info(1), end)],
  ['50 MB of zeros in 49 kB', concat(tlv(0x70, bomb.subarray(0, 0x7000)), info(1), end)],
  ['50 MB of zeros, in zlib', concat(tlv(0x70, deflateSync(new Uint8Array(50_000_000)).subarray(0, 0x7000)), end)],
] as const) {
  test(`refused: ${what}`, () => assert.throws(() => readCertificate(wrong), refused))
}

test('no more than so many octets are ever unpacked', () => {
  const most = tlv(0x30, filled(LONGEST_CERTIFICATE - 4))
  assert.is(most.length, LONGEST_CERTIFICATE)
  assert.equal(readCertificate(writeCertificate(most, { gzip: true })), most)
  const more = tlv(0x30, filled(LONGEST_CERTIFICATE - 3))
  assert.throws(() => readCertificate(concat(tlv(0x70, gzipSync(more)), info(1), end)), refused)
  assert.throws(() => writeCertificate(more), refused)
  assert.throws(() => writeCertificate(filled(20)), refused)
})

test.run()
