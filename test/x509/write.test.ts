// takes: 3 s
// What is signed by a function: certificates, requests and lists of revoked certificates that openssl believes.
import { execFileSync } from 'node:child_process'
import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Algorithm, Hash } from '../../src/piv/algorithms.ts'
import type { SigningAlgorithm } from '../../src/x509/algorithms.ts'
import { extension } from '../../src/x509/extensions.ts'
import { parseName, writeName } from '../../src/x509/name.ts'
import { KEY_USAGES, readUsages, writeUsages } from '../../src/x509/usages.ts'
import {
  type NewCertificate,
  type Signer,
  spkiOf,
  writeCertificate,
  writeRequest,
  writeRevocationList,
} from '../../src/x509/write.ts'
import { filesBelow, root } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'

const KEYS: Readonly<Record<Algorithm, KeyObject>> = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  'RSA-2048': generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  'RSA-3072': generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey,
}

/** A signer over a key of this process. */
function signerOf(name: Algorithm, algorithm: SigningAlgorithm = { hash: 'SHA-256', padding: 'pkcs1' }): Signer {
  const privateKey = KEYS[name]
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const key = { key: privateKey, ...(algorithm.padding === 'pss' ? pss : {}) }
  return {
    publicKey: createPublicKey(privateKey),
    algorithm,
    sign: async (message) => Uint8Array.from(sign(algorithm.hash.replace('-', ''), message, key)),
  }
}

const folder = tempDir('write')
const write = (name: string, octets: Uint8Array) => {
  writeFileSync(join(folder, name), octets)
  return join(folder, name)
}
/** In PEM, since `openssl verify` takes nothing else. */
const pem = (name: string, der: Uint8Array) => write(name, Buffer.from(new X509Certificate(der).toString()))
const openssl = (...line: string[]) => execFileSync('openssl', line, { encoding: 'utf8', stdio: 'pipe' })
const DAY = 24 * 60 * 60 * 1000
const NAME = parseName('CN=Someone')

const own = (signer: Signer, more: Partial<NewCertificate> = {}): NewCertificate => ({
  ...{ issuer: NAME, subject: NAME, extensions: [], spki: spkiOf(signer.publicKey) },
  ...{ notBefore: new Date(), notAfter: new Date(Date.now() + DAY) },
  ...more,
})

const ways: ReadonlyArray<readonly [Algorithm, Hash, 'pkcs1' | 'pss', shown: string]> = [
  ['P-256', 'SHA-256', 'pkcs1', 'ecdsa-with-SHA256'],
  ['P-256', 'SHA-512', 'pkcs1', 'ecdsa-with-SHA512'],
  ['P-384', 'SHA-384', 'pkcs1', 'ecdsa-with-SHA384'],
  ['RSA-2048', 'SHA-256', 'pkcs1', 'sha256WithRSAEncryption'],
  ['RSA-3072', 'SHA-384', 'pkcs1', 'sha384WithRSAEncryption'],
  ['RSA-2048', 'SHA-256', 'pss', 'rsassaPss'],
  ['RSA-2048', 'SHA-512', 'pss', 'rsassaPss'],
]

for (const [algorithm, hash, padding, shown] of ways) {
  test(`${algorithm}, ${hash}, ${padding}: openssl believes a request and a certificate`, async () => {
    const signer = signerOf(algorithm, { hash, padding })
    for (const extensions of [[], [extension('keyUsage', writeUsages(['digitalSignature']), true)]]) {
      const request = write('request', await writeRequest({ subject: NAME, extensions }, signer))
      const requested = openssl('req', '-inform', 'der', '-in', request, '-verify', '-noout', '-text')
      assert.match(requested, shown)
      assert.is(/Digital Signature/.test(requested), extensions.length > 0)
    }
    const path = pem('certificate', await writeCertificate(own(signer), signer))
    assert.match(openssl('verify', '-x509_strict', '-check_ss_sig', '-CAfile', path, path), 'OK')
    assert.match(openssl('x509', '-in', path, '-noout', '-text'), shown)
  })
}

test('times on both sides of 2050, and a serial number that is never negative', async () => {
  const signer = signerOf('P-256')
  const serialNumber = Uint8Array.of(0xff, 0x01)
  const dates = { notBefore: new Date('2049-12-31T23:59:59.900Z'), notAfter: new Date('2050-01-01T00:00:00Z') }
  const der = await writeCertificate(own(signer, { serialNumber, ...dates }), signer)
  const path = write('times', der)
  const said = openssl('x509', '-in', path, '-noout', '-startdate', '-enddate', '-serial')
  assert.is(said, 'notBefore=Dec 31 23:59:59 2049 GMT\nnotAfter=Jan  1 00:00:00 2050 GMT\nserial=FF01\n')
  assert.match(openssl('asn1parse', '-inform', 'der', '-in', path), /UTCTIME.*:4912/)
})

test('a list of thousands of revoked certificates, which is longer than what a card takes', async () => {
  const signer = signerOf('P-384', { hash: 'SHA-384', padding: 'pkcs1' })
  const issuer = writeName(['CN', 'a CA'], ['O', 'tests'])
  const authority = pem('authority', await writeCertificate(own(signer, { issuer, subject: issuer }), signer))
  for (const count of [0, 1, 5000]) {
    const entries = Array.from({ length: count }, (_, at) => ({
      serialNumber: Uint8Array.of(1, at >> 8, at & 0xff),
      at: new Date('2026-01-02T03:04:05Z'),
    }))
    const dates = { thisUpdate: new Date(), nextUpdate: new Date(Date.now() + DAY) }
    const list = await writeRevocationList({ issuer, ...dates, entries, extensions: [] }, signer)
    assert.ok(count < 5000 || list.length > 0xffff)
    const path = write('list', list)
    const said = openssl('crl', '-inform', 'der', '-in', path, '-CAfile', authority, '-noout', '-text')
    assert.is((said.match(/Serial Number: /g) ?? []).length, count)
  }
})

test('key usages are read as they are written, without zeros at the end', () => {
  for (const usage of KEY_USAGES) assert.equal(readUsages(writeUsages([usage])), [usage])
  assert.equal(readUsages(writeUsages(KEY_USAGES)), [...KEY_USAGES])
  assert.equal(writeUsages(['digitalSignature']), Uint8Array.of(3, 2, 7, 0x80))
  assert.equal(writeUsages(['decipherOnly']), Uint8Array.of(3, 3, 7, 0, 0x80))
  assert.equal(writeUsages([]), Uint8Array.of(3, 1, 0))
})

test('what the function refuses is the refusal', async () => {
  const signer: Signer = { ...signerOf('P-256'), sign: () => Promise.reject(new Error('no')) }
  for (const made of [writeCertificate(own(signer), signer), writeRequest({ subject: NAME, extensions: [] }, signer)]) {
    const failed = await made.then(() => 'made', String)
    assert.is(failed, 'Error: no')
  }
})

test('node-forge is loaded by who needs it: no file names it but by import() or as a type', () => {
  const named = filesBelow('src', ['.ts']).filter((path) =>
    /^import (?!type ).*from 'node-forge'/m.test(readFileSync(join(root, path), 'utf8')),
  )
  assert.equal(named, [])
})

test.run()
