// takes: 3 s
// The provider that signs by a function: certificates and requests that openssl believes, and nothing global.
import { execFileSync } from 'node:child_process'
import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign, webcrypto } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Algorithm, Hash } from '../../src/piv/algorithms.ts'
import { type SigningParameters, signingProvider, x509 } from '../../src/piv/signing-provider.ts'
import { filesBelow, root } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'

const KEYS: Readonly<Record<Algorithm, KeyObject>> = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  'RSA-2048': generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  'RSA-3072': generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey,
}

/** A provider over a key of this process, which says what it was asked for. */
function providerOf(algorithm: Algorithm, parameters?: SigningParameters) {
  const privateKey = KEYS[algorithm]
  const asked: SigningParameters[] = []
  const provider = signingProvider(
    {
      algorithm,
      spki: Uint8Array.from(createPublicKey(privateKey).export({ type: 'spki', format: 'der' })),
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
    const { crypto, keys } = await provider
    const folder = tempDir('provider')
    const write = (name: string, pem: string) => {
      writeFileSync(join(folder, name), pem)
      return join(folder, name)
    }
    const openssl = (...line: string[]) => execFileSync('openssl', line, { encoding: 'utf8', stdio: 'pipe' })
    const signingAlgorithm = keys.privateKey.algorithm
    const wanted = { name: 'CN=Someone', keys, signingAlgorithm }
    const request = await Pkcs10CertificateRequestGenerator.create(wanted, crypto)
    const requested = openssl('req', '-in', write('request.pem', request.toString()), '-verify', '-noout', '-text')
    assert.match(requested, shown)
    const certificate = await X509CertificateGenerator.createSelfSigned({ name: 'CN=Someone', keys }, crypto)
    const path = write('certificate.pem', certificate.toString())
    assert.match(openssl('verify', '-check_ss_sig', '-CAfile', path, path), 'OK')
    assert.match(openssl('x509', '-in', path, '-noout', '-text'), shown)
    assert.equal(asked, [
      { hash, padding },
      { hash, padding },
    ])
  })
}

test('all else is Node itself, and its own keys sign as ever', async () => {
  const { asked, provider } = providerOf('P-256')
  const { crypto, keys } = await provider
  const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const pair = await crypto.subtle.generateKey(ecdsa, false, ['sign', 'verify'])
  const message = Buffer.from('message')
  const signature = await crypto.subtle.sign(ecdsa, pair.privateKey, message)
  assert.ok(await crypto.subtle.verify(ecdsa, pair.publicKey, signature, message))
  assert.equal(asked, [])
  for (const data of [message, Uint8Array.from(message).buffer, new DataView(Uint8Array.from(message).buffer)]) {
    const ours = await crypto.subtle.sign(ecdsa, keys.privateKey, data)
    assert.ok(await webcrypto.subtle.verify(ecdsa, keys.publicKey, ours, message))
  }
  assert.is(asked.length, 3)
  assert.is(crypto.getRandomValues(new Uint8Array(4)).length, 4)
})

test('what the function refuses is the refusal, and a hash that is not known is refused', async () => {
  const { X509CertificateGenerator } = await x509()
  const spki = Uint8Array.from(createPublicKey(KEYS['P-256']).export({ type: 'spki', format: 'der' }))
  const refusing = await signingProvider({
    algorithm: 'P-256',
    spki,
    sign: async () => {
      throw new Error('no')
    },
  })
  const failed = await X509CertificateGenerator.createSelfSigned(
    { name: 'CN=x', keys: refusing.keys },
    refusing.crypto,
  ).then(
    () => 'made',
    (error: unknown) => String(error),
  )
  assert.is(failed, 'Error: no')
  const { keys, crypto } = await providerOf('P-256').provider
  for (const hash of ['SHA-1', 'MD5', undefined, {}]) {
    const asked = { name: 'ECDSA', hash: hash as string }
    const error = await crypto.subtle.sign(asked, keys.privateKey, new Uint8Array(1)).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    assert.match(String(error), 'is not supported', String(hash))
  }
})

test('the library is loaded by who needs it: no file names it but by import()', () => {
  const named = filesBelow('src', ['.ts']).filter((path) =>
    /@peculiar|reflect-metadata/.test(readFileSync(join(root, path), 'utf8')),
  )
  assert.equal(named, ['src/piv/signing-provider.ts'])
  const text = readFileSync(join(root, 'src/piv/signing-provider.ts'), 'utf8')
  assert.not.match(text, /from '(@peculiar|reflect)/)
})

test.run()
