// Certificates in their containers, plain and compressed.
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { TlvError, tlv } from '../../src/iso7816/tlv.ts'
import { LONGEST_CERTIFICATE, readCertificate, writeCertificate } from '../../src/piv/certificate.ts'
import { filled, octets, truncations, withTrailer } from '../support/octets.ts'

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

test('every truncation and trailer is refused', () => {
  for (const gzip of [false, true]) {
    const content = writeCertificate(der, { gzip })
    for (const wrong of [...truncations(content), ...withTrailer(content)]) {
      assert.throws(() => readCertificate(wrong), refused)
    }
  }
})

const bomb = gzipSync(new Uint8Array(50_000_000))
for (const [what, wrong] of [
  ['nothing', octets('')],
  ['no certificate', concat(info(0), end)],
  ['an empty certificate', concat(tlv(0x70), info(0), end)],
  ['no info', concat(tlv(0x70, der), end)],
  ['no end', concat(tlv(0x70, der), info(0))],
  ['an end that is not empty', concat(tlv(0x70, der), info(0), octets('fe 01 00'))],
  ['two certificates', concat(tlv(0x70, der), tlv(0x70, der), info(0), end)],
  ['an unknown flag', concat(tlv(0x70, der), info(2), end)],
  ['an info of two octets', concat(tlv(0x70, der), octets('71 02 00 00'), end)],
  ['an unknown tag', concat(tlv(0x70, der), info(0), octets('73 00'), end)],
  ['no DER', concat(tlv(0x70, filled(20)), info(0), end)],
  ['octets after the DER', concat(tlv(0x70, der, octets('00')), info(0), end)],
  ['a DER that is cut off', concat(tlv(0x70, der.slice(0, -1)), info(0), end)],
  ['plain octets said to be compressed', concat(tlv(0x70, der), info(1), end)],
  ['compressed octets said to be plain', concat(tlv(0x70, gzipSync(der)), info(0), end)],
  ['a compressed stream that is cut off', concat(tlv(0x70, gzipSync(der).subarray(0, -1)), info(1), end)],
  ['octets after the compressed stream', concat(tlv(0x70, gzipSync(der), octets('00')), info(1), end)],
  ['a second compressed stream', concat(tlv(0x70, gzipSync(der), gzipSync(der)), info(1), end)],
  ['50 MB of zeros in 49 kB', concat(tlv(0x70, bomb.subarray(0, 0x7000)), info(1), end)],
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
