// takes: 3 s
// The provider that signs by a function: certificates and requests that openssl believes, and nothing global.
import { execFileSync } from 'node:child_process'
import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign, webcrypto } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Algorithm, Hash } from '../../src/piv/algorithms.ts'
import { library as x509 } from '../../src/x509/library.ts'
import { providerOf as providerFor, type SigningAlgorithm } from '../../src/x509/provider.ts'
import { filesBelow, root } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'

const KEYS: Readonly<Record<Algorithm, KeyObject>> = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  'RSA-2048': generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  'RSA-3072': generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey,
}

/** A provider over a key of this process, which says what it was asked for. */
function providerOf(algorithm: Algorithm, parameters: SigningAlgorithm = { hash: 'SHA-256', padding: 'pkcs1' }) {
  const privateKey = KEYS[algorithm]
  const asked: SigningAlgorithm[] = []
  const provider = providerFor(
    {
      publicKey: createPublicKey(privateKey),
      sign: async (message, how) => {
        asked.push(how)
        const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
        const options = { key: privateKey, dsaEncoding: 'ieee-p1363' as const, ...(how.padding === 'pss' ? pss : {}) }
        return sign(how.hash.replace('-', ''), message, options)
      },
    },
    parameters,
  )
  return { asked, provider }
}

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
    const { Pkcs10CertificateRequestGenerator, X509CertificateGenerator } = await x509()
    const { asked, provider } = providerOf(algorithm, { hash, padding })
    const { crypto, keys, signingAlgorithm } = await provider
    const folder = tempDir('provider')
    const write = (name: string, pem: string) => {
      writeFileSync(join(folder, name), pem)
      return join(folder, name)
    }
    const openssl = (...line: string[]) => execFileSync('openssl', line, { encoding: 'utf8', stdio: 'pipe' })
    const wanted = { name: 'CN=Someone', keys, signingAlgorithm }
    const request = await Pkcs10CertificateRequestGenerator.create(wanted, crypto)
    const requested = openssl('req', '-in', write('request.pem', request.toString()), '-verify', '-noout', '-text')
    assert.match(requested, shown)
    const certificate = await X509CertificateGenerator.createSelfSigned(wanted, crypto)
    const path = write('certificate.pem', certificate.toString())
    assert.match(openssl('verify', '-check_ss_sig', '-CAfile', path, path), 'OK')
    assert.match(openssl('x509', '-in', path, '-noout', '-text'), shown)
    assert.equal(asked, [
      { hash, padding },
      { hash, padding },
    ])
  })
}

test('it signs with its own key and with no other; the rest is Node itself', async () => {
  const { asked, provider } = providerOf('P-256')
  const { keys, crypto } = (await provider) as unknown as { keys: webcrypto.CryptoKeyPair; crypto: webcrypto.Crypto }
  const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const message = Buffer.from('message')
  const pair = await webcrypto.subtle.generateKey(ecdsa, false, ['sign', 'verify'])
  const refused = await crypto.subtle.sign(ecdsa, pair.privateKey, message).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.instance(refused, TypeError)
  assert.equal(asked, [])
  const ours = await crypto.subtle.sign(ecdsa, keys.privateKey, Uint8Array.from(message).buffer)
  assert.ok(await webcrypto.subtle.verify(ecdsa, keys.publicKey, ours, message))
  assert.is(asked.length, 1)
  assert.is(crypto.getRandomValues(new Uint8Array(4)).length, 4)
})

test('what the function refuses is the refusal', async () => {
  const { X509CertificateGenerator } = await x509()
  const publicKey = createPublicKey(KEYS['P-256'])
  const sign = () => Promise.reject(new Error('no'))
  const { crypto, ...by } = await providerFor({ publicKey, sign }, { hash: 'SHA-256', padding: 'pkcs1' })
  const failed = await X509CertificateGenerator.createSelfSigned(
    { name: 'CN=x', ...by },
    crypto as webcrypto.Crypto,
  ).then(
    () => 'made',
    (error: unknown) => String(error),
  )
  assert.is(failed, 'Error: no')
})

test('the library is loaded by who needs it: no file names it but by import()', () => {
  const named = filesBelow('src', ['.ts']).filter((path) =>
    /(from|import\() ?'(@peculiar|reflect-metadata)/.test(readFileSync(join(root, path), 'utf8')),
  )
  assert.equal(named, ['src/x509/library.ts'])
  const text = readFileSync(join(root, 'src/x509/library.ts'), 'utf8')
  assert.not.match(text, /^import (?!type ).*from '(@peculiar|reflect)/m)
})

test.run()
