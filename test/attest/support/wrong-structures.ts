// Evidence in which one structure of the TPM is wrong, and the name of its refusal.
import { type Evidence, writeEvidence } from '../../../src/attest/evidence.ts'
import type { RefusalCode } from '../../../src/attest/refusal.ts'
import type { VerifyAttestationOptions } from '../../../src/attest/verify.ts'
import { concat, utf8 } from '../../../src/bytes.ts'
import { encodeNvPublic, type NvPublic } from '../../../src/tpm/codec/nv.ts'
import { keyTemplate } from '../../../src/tpm/codec/public.ts'
import { u32 } from '../../../src/tpm/codec/wire.ts'
import { NV, OBJECT } from '../../../src/tpm/constants.ts'
import { LOCK } from '../../../src/tpm/lock/table.ts'
import {
  AK_ATTRIBUTES,
  areaOf,
  attestOf,
  BOUND,
  certifyOf,
  creationDataOf,
  creationOf,
  evidenceOf,
  indexOf,
  KEY_ATTRIBUTES,
  keyPolicyOf,
  NONCE,
  NULL_PRIMARY,
  nvCertifyOf,
  OWNER_PRIMARY,
  pair,
  signatureOf,
} from './software-tpm.ts'
import { card, changed, evidence, made, other, signed } from './world.ts'

/** What is wrong; the evidence; its refusal; what the verifier asks for in another way. */
export type Row = readonly [what: string, Evidence | string, RefusalCode, Partial<VerifyAttestationOptions>?]

const now = { extraData: NONCE }
const key = evidence.key.public
const nv = indexOf(card)
const unwritten: NvPublic = { ...nv, attributes: nv.attributes & ~NV.WRITTEN }
const index = (change: Partial<NvPublic>) => changed({ pin: { public: encodeNvPublic({ ...nv, ...change }) } })
const counter = (contents: Uint8Array, of = nv) => changed({ pin: { counter: signed(nvCertifyOf(of, contents, now)) } })
const burn = (area: Uint8Array, certified: Uint8Array, creationData: Uint8Array) =>
  changed({ pin: { burn: { ...signed(creationOf(area, certified)), creationData } } })
const alike = { ...LOCK, keys: { ...LOCK.keys, once: [{ term: 'secret', of: 'pin', ref: 'used' }] as const } }
const short = keyTemplate('RSA-2048', KEY_ATTRIBUTES, keyPolicyOf(card), { modulus: new Uint8Array(128).fill(0xc3) })
const created = { kind: 'creation', creationData: NULL_PRIMARY, ...signed(creationOf(key, NULL_PRIMARY, now)) }

const DOCUMENTS: readonly Row[] = [
  ['10 MB', `{"tesseraEvidence":1,"x":"${'a'.repeat(10_000_000)}"}`, 'too-large'],
  ['nothing', '', 'malformed'],
  ['another document', '{}', 'malformed'],
  ['half of it', writeEvidence(evidence).slice(0, 900), 'malformed'],
  ['a member more', JSON.stringify({ ...JSON.parse(writeEvidence(evidence)), more: 1 }), 'malformed'],
  ['a newer version', '{"tesseraEvidence":2}', 'version'],
]

const KEYS: readonly Row[] = [
  ['no nonce', evidence, 'nonce-missing', { nonce: new Uint8Array(0) }],
  ['an old nonce', made({ nonce: utf8('nonce of yesterday') }), 'nonce'],
  ['no magic', changed({ key: signed(certifyOf(key, { ...now, magic: 0xff544348 })) }), 'not-generated'],
  ['a quote', changed({ key: signed(attestOf(0x8018, new Uint8Array(4), now)) }), 'wrong-kind'],
  ['a creation as a certification', changed({ key: signed(creationOf(key, NULL_PRIMARY, now)) }), 'wrong-kind'],
  ['octets behind', changed({ key: signed(concat(certifyOf(key, now), Uint8Array.of(0))) }), 'malformed'],
  ['cut off', changed({ key: signed(certifyOf(key, now).slice(0, -1)) }), 'malformed'],
  ['SHA-1', changed({ key: { signature: signatureOf(card.ak, evidence.key.attest, 'sha1') } }), 'weak-signature'],
  ['another signer', changed({ key: { signature: signatureOf(pair(), evidence.key.attest) } }), 'signature'],
  ['another key', changed({ key: { public: other.key.public } }), 'key-name'],
  [
    'another key that looks the same',
    changed({ key: { public: areaOf(pair(), KEY_ATTRIBUTES, keyPolicyOf(card)) } }),
    'key-name',
  ],
  ['other creation data', changed({ key: { ...created, creationData: OWNER_PRIMARY } }), 'key-creation'],
  ['no fixedTPM', made({ keyAttributes: KEY_ATTRIBUTES & ~OBJECT.fixedTPM }), 'key-exportable'],
  ['no fixedParent', made({ keyAttributes: KEY_ATTRIBUTES & ~OBJECT.fixedParent }), 'key-exportable'],
  ['imported', made({ keyAttributes: KEY_ATTRIBUTES & ~OBJECT.sensitiveDataOrigin }), 'key-imported'],
  ['restricted', made({ keyAttributes: KEY_ATTRIBUTES | OBJECT.restricted }), 'key-restricted'],
  ['RSA-1024', changed({ key: { public: short, ...signed(certifyOf(short, now)) } }), 'key-weak'],
  ['a password beside the PIN', made({ keyAttributes: KEY_ATTRIBUTES | OBJECT.userWithAuth }), 'key-password'],
  ['no policy and no password', made({ policy: 'never' }), 'key-policy'],
  ['a policy that looks alike', made({ table: alike }), 'key-policy'],
]

const COUNTERS: readonly Row[] = [
  ['a counter of another card', changed({ pin: { ...other.pin } }), 'key-policy'],
  ['never written', index({ attributes: unwritten.attributes }), 'index-not-written'],
  ['deleted and defined again', evidenceOf(card, unwritten), 'index-not-written'],
  ['readable by anybody', index({ attributes: (nv.attributes | NV.POLICYREAD) >>> 0 }), 'index-attributes'],
  ['of 16 octets', index({ dataSize: 16 }), 'index-attributes'],
  ['written by another key', changed({ pin: { burnKey: areaOf(pair(), BOUND) } }), 'index-policy'],
  ['with another policy', index({ authPolicy: nv.authPolicy.map((octet) => octet ^ 1) }), 'index-policy'],
  ['at another place', index({ handle: nv.handle + 1 }), 'key-policy'],
  ['with octets behind', changed({ pin: { public: concat(encodeNvPublic(nv), Uint8Array.of(0)) } }), 'malformed'],
  [
    'certified with an old nonce',
    changed({ pin: { counter: made({ nonce: utf8('yesterday') }).pin?.counter } }),
    'nonce',
  ],
  ['certified for another card', changed({ pin: { counter: other.pin?.counter } }), 'signature'],
  ['certified after it was defined again', counter(concat(u32(0), u32(5)), unwritten), 'index-name'],
  ['another limit', made({ limit: 1000 }), 'index-limit'],
  [
    'read elsewhere',
    changed({ pin: { counter: signed(nvCertifyOf(nv, concat(u32(0), u32(5)), now, 4)) } }),
    'malformed',
  ],
  ['half a counter', counter(u32(0)), 'malformed'],
  ['the creation of another key', burn(key, NULL_PRIMARY, NULL_PRIMARY), 'burn-name'],
  [
    'other creation data of K',
    changed({ pin: { burn: { ...evidence.pin?.burn, creationData: OWNER_PRIMARY } } }),
    'burn-creation',
  ],
  ['K that outlives a reset', made({ kCreation: OWNER_PRIMARY }), 'burn-lasting'],
  [
    'K under a storage key',
    made({ kCreation: creationDataOf(new Uint8Array(34), new Uint8Array(34)) }),
    'burn-lasting',
  ],
  ['K that can leave', made({ kAttributes: OBJECT.sign | OBJECT.userWithAuth }), 'burn-lasting'],
]

const ATTESTATION_KEYS: readonly Row[] = [
  ['that signs anything', made({ akAttributes: AK_ATTRIBUTES & ~OBJECT.restricted }), 'ak-not-restricted'],
  ['that can leave', made({ akAttributes: AK_ATTRIBUTES & ~OBJECT.fixedTPM }), 'ak-not-restricted'],
  ['imported', made({ akAttributes: AK_ATTRIBUTES & ~OBJECT.sensitiveDataOrigin }), 'ak-not-restricted'],
  ['that decrypts', made({ akAttributes: AK_ATTRIBUTES | OBJECT.decrypt }), 'ak-not-restricted'],
]

export const WRONG_STRUCTURES: Readonly<Record<string, readonly Row[]>> = {
  document: DOCUMENTS,
  key: KEYS,
  counter: COUNTERS,
  'attestation key': ATTESTATION_KEYS,
}
