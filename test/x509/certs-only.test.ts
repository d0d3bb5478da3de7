// takes: 7 s
// PKCS#7 with certificates alone: as openssl writes and reads it, in BER too; what is anything else; fuzzing.
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat } from '../../src/bytes.ts'
import { readTlvs, TlvError, tlv } from '../../src/iso7816/tlv.ts'
import { MOST_CERTIFICATES, readCertsOnly, writeCertsOnly } from '../../src/x509/certs-only.ts'
import { FUZZ_SECONDS, fuzz } from '../fuzz/harness.ts'
import { openssl, pemFile, scratchFile } from '../lab-ca/support.ts'

function selfSigned(name: string): Uint8Array {
  const path = scratchFile(`${name}.der`)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', scratchFile('key')]
  openssl('req', '-x509', ...key, '-subj', `/CN=${name}`, '-outform', 'DER', '-out', path)
  return Uint8Array.from(readFileSync(path))
}

const certificates = [selfSigned('one'), selfSigned('two')]
const [one = new Uint8Array(0)] = certificates
const envelope = writeCertsOnly(certificates)

test('what is written is octet for octet what openssl writes, and is read by both', () => {
  const path = scratchFile('openssl.p7b')
  openssl('crl2pkcs7', '-nocrl', '-certfile', pemFile(one), '-outform', 'DER', '-out', path)
  assert.equal(writeCertsOnly([one]), Uint8Array.from(readFileSync(path)))
  writeFileSync(path, envelope)
  assert.match(openssl('pkcs7', '-inform', 'DER', '-in', path, '-print_certs'), /CN = one[\s\S]+CN = two/)
  assert.equal(readCertsOnly(envelope), certificates)
})

test('with a list of revoked certificates beside them', () => {
  const [config, key, crl, both] = ['ca.cnf', 'ca.key', 'ca.crl', 'both.p7b'].map(scratchFile) as [
    string,
    string,
    string,
    string,
  ]
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key)
  writeFileSync(scratchFile('index'), '')
  writeFileSync(
    config,
    `[ca]\ndefault_ca=x\n[x]\ndatabase=${scratchFile('index')}\ndefault_md=sha256\ndefault_crl_days=1\n`,
  )
  const ca = scratchFile('ca.pem')
  openssl('req', '-x509', '-new', '-key', key, '-subj', '/CN=ca', '-out', ca)
  openssl('ca', '-gencrl', '-config', config, '-keyfile', key, '-cert', ca, '-out', crl)
  openssl('crl2pkcs7', '-in', crl, '-certfile', pemFile(one), '-outform', 'DER', '-out', both)
  assert.equal(readCertsOnly(Uint8Array.from(readFileSync(both))), [one])
})

/** The same structure with lengths in their indefinite form (X.690, 8.1.3.6), down to the certificates. */
function indefinite(octets: Uint8Array, depth: number): Uint8Array {
  return concat(
    ...readTlvs(octets).map(({ tag, value }) =>
      depth > 0 && (tag & 0x20) !== 0
        ? concat(Uint8Array.of(tag, 0x80), indefinite(value, depth - 1), Uint8Array.of(0, 0))
        : tlv(tag, value),
    ),
  )
}

test('BER: lengths that are not said beforehand', () => {
  for (let depth = 1; depth <= 4; depth += 1) {
    const ber = indefinite(envelope, depth)
    assert.not.equal(ber, envelope)
    assert.equal(readCertsOnly(ber), certificates, `depth ${depth}`)
    assert.throws(
      () => readCertsOnly(ber.subarray(0, -1)),
      (error: unknown) => error instanceof TlvError,
    )
  }
})

const oid = (digits: string) => tlv(0x06, Uint8Array.from(Buffer.from(digits, 'hex')))
const SIGNED = oid('2a864886f70d010702')
const DATA = oid('2a864886f70d010701')
const signedData = (...parts: Uint8Array[]) => tlv(0x30, SIGNED, tlv(0xa0, tlv(0x30, ...parts)))
const VERSION = tlv(0x02, Uint8Array.of(1))
const INNER = tlv(0x30, DATA)
const CERTIFICATES = tlv(0xa0, one)
const NONE = tlv(0x31)

test('content of no octets is none, as some libraries write it', () => {
  const empty = tlv(0x30, DATA, tlv(0xa0, tlv(0x04)))
  assert.equal(readCertsOnly(signedData(VERSION, NONE, empty, CERTIFICATES, NONE)), [one])
  const pieces = tlv(0x30, DATA, tlv(0xa0, tlv(0x24, tlv(0x04))))
  assert.equal(readCertsOnly(signedData(VERSION, NONE, pieces, CERTIFICATES, NONE)), [one])
})

const wrong: ReadonlyArray<readonly [string, Uint8Array]> = [
  ['nothing', new Uint8Array(0)],
  ['a certificate', one],
  ['another type', tlv(0x30, DATA, tlv(0xa0, tlv(0x04)))],
  ['octets after it', concat(envelope, Uint8Array.of(0))],
  ['cut off', envelope.subarray(0, 100)],
  ['no certificates', signedData(VERSION, NONE, INNER, NONE)],
  ['none in their place', signedData(VERSION, NONE, INNER, tlv(0xa0), NONE)],
  ['a signer', signedData(VERSION, NONE, INNER, CERTIFICATES, tlv(0x31, tlv(0x30)))],
  ['content', signedData(VERSION, NONE, tlv(0x30, DATA, tlv(0xa0, tlv(0x04, one))), CERTIFICATES, NONE)],
  ['content of another type', signedData(VERSION, NONE, tlv(0x30, SIGNED), CERTIFICATES, NONE)],
  ['no version', signedData(NONE, INNER, CERTIFICATES, NONE)],
  ['more parts', signedData(VERSION, NONE, INNER, CERTIFICATES, NONE, NONE)],
  ['something else among them', signedData(VERSION, NONE, INNER, tlv(0xa0, tlv(0xa0, one)), NONE)],
  ['too many', writeCertsOnly(Array.from({ length: MOST_CERTIFICATES + 1 }, () => tlv(0x30)))],
  ['too long', writeCertsOnly([one]).length < 0xffff ? concat(envelope, new Uint8Array(0xffff)) : envelope],
  ['nested without end', Uint8Array.from({ length: 60_000 }, (_, at) => (at % 2 === 0 ? 0x30 : 0x80))],
  ['a long length of length', Uint8Array.of(0x30, 0x84, 0, 0, 0, 1, 0)],
]
for (const [what, octets] of wrong) {
  test(`refused: ${what}`, () =>
    assert.throws(
      () => readCertsOnly(octets),
      (error: unknown) => error instanceof TlvError,
    ))
}

test('damaged in every way, it is refused in its own words or read', async () => {
  const seeds = [
    envelope,
    writeCertsOnly([tlv(0x30), tlv(0x30)]),
    indefinite(envelope, 3),
    indefinite(writeCertsOnly([tlv(0x30)]), 4),
  ]
  const count = await fuzz('certs-only', seeds, FUZZ_SECONDS / 2, (octets) => readCertsOnly(octets), {
    refusals: [TlvError],
  })
  assert.ok(count > 1000)
})

test.run()
