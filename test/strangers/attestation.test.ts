import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex, sha256 } from '../../src/bytes.ts'
import { readSignature } from '../../src/tpm/codec/attestation.ts'
import { pemOf } from '../../src/x509/pem.ts'
import { root } from '../runner/jobs.ts'
import { type Certified, certifiedKey, DOMAIN } from './support/attestation.ts'
import { file, ok, refused } from './support/tools.ts'

let certified: Certified

test.before(async () => {
  certified = await certifiedKey()
})

const base64url = (octets: Uint8Array) => Buffer.from(octets).toString('base64url')

async function simplewebauthn(object: Uint8Array, challenge: string): Promise<boolean> {
  const folder = join(root, 'test/strangers/packages/node_modules/@simplewebauthn/server')
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    exports: { '.': { import: string | { default: string } } }
  }
  const entry = exports['.'].import
  const path = join(folder, typeof entry === 'string' ? entry : entry.default)
  const { verifyRegistrationResponse, SettingsService } = await import(pathToFileURL(path).href)
  SettingsService.setRootCertificates({ identifier: 'tpm', certificates: [pemOf(certified.ca.certificate)] })
  const id = base64url(sha256(certified.evidence.key.public))
  const response = { attestationObject: base64url(object), clientDataJSON: base64url(certified.clientData) }
  const { verified, registrationInfo } = await verifyRegistrationResponse({
    response: { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response },
    expectedChallenge: challenge,
    expectedOrigin: `https://${DOMAIN}`,
    expectedRPID: DOMAIN,
    // The object claims no verified user: a key is certified without the PIN.
    requireUserVerification: false,
  })
  return verified && registrationInfo.fmt === 'tpm' && registrationInfo.userVerified === false
}

/** Changes an octet of the statement of the TPM in the object. */
function changed(object: Uint8Array): Uint8Array {
  const at = Buffer.from(object).indexOf(Buffer.from('ff54434780', 'hex')) + 60
  return object.map((octet, index) => (index === at ? octet ^ 1 : octet))
}

test('@simplewebauthn/server', async () => {
  assert.ok(await simplewebauthn(certified.object, certified.challenge))
  assert.not(await simplewebauthn(changed(certified.object), certified.challenge).catch(() => false))
  assert.not(await simplewebauthn(certified.object, 'another').catch(() => false))
})

const FIDO2 = `
import hashlib, sys
from fido2.ctap2 import AttestationObject
from fido2.attestation import TpmAttestation
from fido2.attestation.base import verify_x509_chain
obj = AttestationObject(open(sys.argv[1], 'rb').read())
client = open(sys.argv[2], 'rb').read()
assert obj.fmt == 'tpm', obj.fmt
assert obj.auth_data.rp_id_hash == hashlib.sha256(b'${DOMAIN}').digest()
result = TpmAttestation().verify(obj.att_statement, obj.auth_data, hashlib.sha256(client).digest())
verify_x509_chain(result.trust_path)
print('verified', result.attestation_type.name)
`

test('python-fido2, which in this version reads no ECC key', async () => {
  const rsa = await certifiedKey('rsa')
  const script = file(FIDO2, '.py')
  const client = file(rsa.clientData)
  const { stdout } = await ok('/usr/bin/python3', [script, file(rsa.object), client])
  assert.is(stdout, 'verified ATT_CA\n')
  await refused('/usr/bin/python3', [script, file(changed(rsa.object)), client])
  await refused('/usr/bin/python3', [script, file(rsa.object), file('{}')])
})

const RUBY = `
require 'tpm/key_attestation'
info, signature, area, leaf, ca, nonce = ARGV.map { |path| File.binread(path) }
attestation = TPM::KeyAttestation.new(
  info, signature, area, [leaf, ca], nonce,
  signature_algorithm: TPM::ALG_ECDSA, hash_algorithm: TPM::ALG_SHA256,
  trusted_certificates: [OpenSSL::X509::Certificate.new(ca)])
abort 'refused' unless attestation.valid?
puts 'valid'
`

test("the gem tpm-key_attestation: the evidence's parts as they are", async () => {
  const { key, ak } = certified.evidence
  const [leaf = new Uint8Array(0), ca = new Uint8Array(0)] = ak.certificates
  const script = file(RUBY, '.rb')
  const words = (nonce: Uint8Array, info = key.attest) =>
    [info, rawSignature(key.signature), key.public, leaf, ca, nonce].map((octets) => file(octets))
  const { stdout } = await ok('ruby', [script, ...words(certified.nonce)])
  assert.is(stdout, 'valid\n')
  await refused('ruby', [script, ...words(sha256('another'))])
  await refused('ruby', [
    script,
    ...words(
      certified.nonce,
      key.attest.map((octet, at) => (at === 100 ? octet ^ 1 : octet)),
    ),
  ])
})

const rawSignature = (signature: Uint8Array): Uint8Array =>
  Uint8Array.from(
    readSignature(signature).numbers.flatMap((one) => [...Buffer.from(hex(one).padStart(64, '0'), 'hex')]),
  )

/** ECDSA-Sig-Value in DER, by nobody's code but this. */
function derSignature(signature: Uint8Array): Uint8Array {
  const integers = readSignature(signature).numbers.map((one) => {
    const digits = hex(one).replace(/^(00)+/, '')
    const padded = /^[89a-f]/.test(digits) ? `00${digits}` : digits
    return `02${(padded.length / 2).toString(16).padStart(2, '0')}${padded}`
  })
  const content = integers.join('')
  return Uint8Array.from(Buffer.from(`30${(content.length / 2).toString(16)}${content}`, 'hex'))
}

test('openssl: the signatures, the Name, and the certificate of the attestation key', async () => {
  const { evidence, akPublicKey, ca } = certified
  const publicKey = file(akPublicKey.export({ type: 'spki', format: 'pem' }) as string)
  for (const statement of [evidence.key, evidence.pin?.counter]) {
    if (statement === undefined) throw new Error('the counter was not certified')
    const words = ['dgst', '-sha256', '-verify', publicKey, '-signature', file(derSignature(statement.signature))]
    await ok('openssl', [...words, file(statement.attest)])
  }
  const { stdout } = await ok('openssl', ['dgst', '-sha256', '-r', file(evidence.key.public)])
  assert.ok(hex(evidence.key.attest).includes(`000b${stdout.slice(0, 64)}`))
  const [leaf = new Uint8Array(0)] = evidence.ak.certificates
  await ok('openssl', ['verify', '-CAfile', file(pemOf(ca.certificate)), file(pemOf(leaf))])
})

test.run()
