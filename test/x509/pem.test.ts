// PEM as programs leave it in files: with text around it, in UTF-16, after a digit that DER begins with as well.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, utf8 } from '../../src/bytes.ts'
import { readCertificates } from '../../src/enroll/read.ts'
import { CardError } from '../../src/errors.ts'
import { asciiOf, readPem, writePem } from '../../src/x509/pem.ts'
import { certificate, file, openssl, write } from '../enroll/support/openssl.ts'

const der = certificate('pem')
const pem = writePem('CERTIFICATE', der)
const utf16le = (text: string) => Uint8Array.from(Buffer.from(text, 'utf16le'))
const utf16be = (text: string) => Uint8Array.from(Buffer.from(text, 'utf16le').swap16())

test('openssl writes the same, and reads it with either line end', () => {
  assert.is(pem, Buffer.from(file('pem.pem')).toString())
  write('crlf.pem', writePem('CERTIFICATE', der, '\r\n'))
  assert.match(openssl('x509', '-in', 'crlf.pem', '-noout', '-subject'), 'subject=')
  assert.is(writePem('X', new Uint8Array(0)), '-----BEGIN X-----\n-----END X-----\n')
  for (const length of [1, 47, 48, 49, 96])
    assert.equal(
      [...readPem(utf8(writePem('A B', new Uint8Array(length))))],
      [{ label: 'A B', der: new Uint8Array(length) }],
    )
})

const FILES: Readonly<Record<string, Uint8Array>> = {
  'UTF-8': utf8(pem),
  'UTF-8 with a mark': concat(Uint8Array.of(0xef, 0xbb, 0xbf), utf8(pem)),
  'UTF-16, low octets first, as PowerShell writes it': concat(Uint8Array.of(0xff, 0xfe), utf16le(pem)),
  'UTF-16, high octets first': concat(Uint8Array.of(0xfe, 0xff), utf16be(pem)),
  'UTF-16 without a mark': utf16le(pem),
  'UTF-16, high octets first, without a mark': utf16be(pem),
  'UTF-16 with text before it': concat(Uint8Array.of(0xff, 0xfe), utf16le(`Für Müller: 証明書\r\n${pem}`)),
  'UTF-16 that ends within a character': concat(Uint8Array.of(0xff, 0xfe), utf16le(pem), Uint8Array.of(0x0a)),
  'a chain of openssl s_client -showcerts': utf8(` 0 s:CN = x\n   i:CN = y\n${pem}`),
  'the same without the space': utf8(`0 s:CN = x\n   i:CN = y\n${pem}`),
  'a digit that looks like a short element': concat(Uint8Array.of(0x30, 0x03), utf8(`abc\n${pem}`)),
  'old Mac lines': utf8(pem.replaceAll('\n', '\r')),
  DER: der,
}
for (const [what, octets] of Object.entries(FILES))
  test(`a certificate is read: ${what}`, () => assert.equal(readCertificates(octets), [der]))

test('what is neither is refused', () => {
  const bad: readonly Uint8Array[] = [
    utf8('0'),
    utf8('0 s:CN = x'),
    utf16le('0 s:CN = x'),
    der.subarray(0, -1),
    concat(der, Uint8Array.of(0)),
    utf8(pem.replace('M', '!')),
    new Uint8Array(0),
    Uint8Array.of(0xff, 0xfe),
    Uint8Array.of(0),
  ]
  for (const octets of bad)
    assert.throws(
      () => readCertificates(octets),
      (error: unknown) => error instanceof CardError && error.code === 'ERR_DATA',
    )
})

test('private keys in UTF-16 are read by what OpenSSL takes', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const text = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const octets of [utf8(text), utf16le(text), utf16be(text), concat(Uint8Array.of(0xff, 0xfe), utf16le(text))])
    assert.ok(createPrivateKey(Buffer.from(asciiOf(octets))).equals(privateKey))
})

test.run()
