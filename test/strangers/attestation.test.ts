// takes: 15 s
// Programs of others that verify evidence, on what a software TPM signed: @simplewebauthn/server, python-fido2, the gem
// tpm-key_attestation, openssl; and a chain of endorsement certificates by swtpm's own tool.
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeEvidence } from '../../src/attest/evidence.ts'
import { endorsementKeyName } from '../../src/attest/tpm-certificates.ts'
import { verifyAttestation } from '../../src/attest/verify.ts'
import { hex, sha256 } from '../../src/bytes.ts'
import { readSignature } from '../../src/tpm/codec/attestation.ts'
import { readCertificate } from '../../src/x509/certificate.ts'
import { pemOf } from '../../src/x509/pem.ts'
import { AK_PURPOSE, authority, issue, NO_CA, tpmNames } from '../attest/support/authorities.ts'
import { cardParts, evidenceOf, NONCE } from '../attest/support/software-tpm.ts'
import { root } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'
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
  })
  return verified && registrationInfo.fmt === 'tpm'
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

test('a chain of endorsement certificates that swtpm_setup makes', async () => {
  const folder = tempDir('swtpm-ca')
  const at = (name: string) => join(folder, name)
  const lines = (name: string, ...text: readonly string[]) => writeFileSync(at(name), `${text.join('\n')}\n`)
  const where = ['signingkey', 'issuercert', 'certserial'].map((name) => `${name} = ${at(name)}`)
  lines('ca.conf', `statedir = ${folder}`, ...where)
  const tpm = ['--tpm-manufacturer id:00001014', '--tpm-model swtpm', '--tpm-version id:20191023']
  lines('options', ...tpm, '--platform-manufacturer A', '--platform-version 1', '--platform-model B')
  const tool = (await ok('which', ['swtpm_localca'])).stdout.trim()
  const setup = [`create_certs_tool=${tool}`, `create_certs_tool_config=${at('ca.conf')}`]
  lines('setup.conf', ...setup, `create_certs_tool_options=${at('options')}`)
  const words = ['--tpm2', '--tpmstate', tempDir('swtpm-state'), '--ecc', '--create-ek-cert', '--overwrite']
  await ok('swtpm_setup', [...words, '--config', at('setup.conf'), '--write-ek-cert-files', folder])

  const read = (name: string) => Uint8Array.from(new X509Certificate(readFileSync(at(name))).raw)
  const [ek, above, top] = [read('ek-secp384r1.crt'), read('issuercert'), read('swtpm-localca-rootca-cert.pem')]
  const ca = await authority('attestation CA', undefined, { days: 27_000 })
  const parts = cardParts()
  // What the TPM says of itself, whatever the options are.
  const said = { '2.23.133.2.1': 'id:00001014', '2.23.133.2.2': 'swtpm', '2.23.133.2.3': 'id:20191023' }
  const names = tpmNames(said, [endorsementKeyName(readCertificate(ek).spki)])
  const wanted = { extensions: [NO_CA, AK_PURPOSE, names], days: 27_000 }
  const akCertificates = [await issue(ca, parts.ak.publicKey, wanted)]
  const evidence = writeEvidence(evidenceOf({ ...parts, akCertificates, ek: [{ certificates: [ek, above] }] }))
  // They are valid from the moment in which they were made.
  const options = { nonce: NONCE, at: new Date(new X509Certificate(above).validFrom) }
  const verdict = verifyAttestation(evidence, { ...options, roots: [ca.certificate, top] })
  assert.is(verdict.refusal, undefined)
  assert.is(verdict.device?.tier, 'maker')
  assert.ok(verdict.proofs.some(({ claim, name }) => claim === 'tpm-by-maker' && name === 'CN=swtpm-localca-rootca'))
  assert.is(verifyAttestation(evidence, { ...options, roots: [ca.certificate] }).refusal?.code, 'untrusted')
})

test.run()
