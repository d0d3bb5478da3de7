// A TPM as far as evidence shows one, in software: it signs whatever it is told, also what no TPM would sign. With it tests make
// evidence that is right in everything but one thing.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Evidence } from '../../../src/attest/evidence.ts'
import { concat, sha256, utf8 } from '../../../src/bytes.ts'
import { encodeNvPublic, type NvPublic, nvName } from '../../../src/tpm/codec/nv.ts'
import { keyTemplate, objectName } from '../../../src/tpm/codec/public.ts'
import { sized, u8, u16, u32 } from '../../../src/tpm/codec/wire.ts'
import { NV, OBJECT, RH } from '../../../src/tpm/constants.ts'
import { indexPublic } from '../../../src/tpm/lock/index-public.ts'
import { LOCK, type LockTable } from '../../../src/tpm/lock/table.ts'
import { policyDigest } from '../../../src/tpm/policy/digest.ts'

export const BOUND = OBJECT.fixedTPM | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin
export const AK_ATTRIBUTES = BOUND | OBJECT.restricted | OBJECT.sign | OBJECT.userWithAuth | OBJECT.noDA
export const KEY_ATTRIBUTES = BOUND | OBJECT.sign | OBJECT.decrypt | OBJECT.noDA
export const K_ATTRIBUTES = BOUND | OBJECT.sign | OBJECT.userWithAuth | OBJECT.noDA
const EMPTY = new Uint8Array(0)

export interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export const pair = (): Pair => generateKeyPairSync('ec', { namedCurve: 'P-256' })

const pointOf = ({ publicKey }: Pair) => {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const octets = (text: string) => Uint8Array.from(Buffer.from(text, 'base64url'))
  return { x: octets(x), y: octets(y) }
}

/** TPMT_PUBLIC of a P-256 key. */
export const areaOf = (key: Pair, attributes: number, policy: Uint8Array = EMPTY): Uint8Array =>
  keyTemplate('P-256', attributes, policy, pointOf(key))

export interface AttestParts {
  readonly magic: number
  readonly extraData: Uint8Array
  readonly resetCount: number
}

/** TPMS_ATTEST. `attested`: type and what follows it in TPMU_ATTEST. */
export function attestOf(type: number, attested: Uint8Array, parts: Partial<AttestParts> = {}): Uint8Array {
  const { magic = 0xff544347, extraData = EMPTY, resetCount = 0x8000_0007 } = parts
  const signer = sized(concat(u16(0x000b), sha256('signer')))
  const clock = concat(u32(0), u32(1000), u32(resetCount), u32(3), u8(1))
  return concat(u32(magic), u16(type), signer, sized(extraData), clock, u32(1), u32(2), attested)
}

export const certifyOf = (area: Uint8Array, parts?: Partial<AttestParts>): Uint8Array =>
  attestOf(0x8017, concat(sized(objectName(area)), sized(objectName(area))), parts)

export const creationOf = (area: Uint8Array, data: Uint8Array, parts?: Partial<AttestParts>): Uint8Array =>
  attestOf(0x801a, concat(sized(objectName(area)), sized(sha256(data))), parts)

export const nvCertifyOf = (nv: NvPublic, contents: Uint8Array, parts?: Partial<AttestParts>, at = 0): Uint8Array =>
  attestOf(0x8014, concat(sized(nvName(nv)), u16(at), sized(contents)), parts)

/** TPMS_CREATION_DATA of an object under the one with this Name, or of a primary of this hierarchy. */
export const creationDataOf = (parent: Uint8Array, qualified: Uint8Array): Uint8Array =>
  concat(u32(0), sized(EMPTY), u8(1), u16(0x000b), sized(parent), sized(qualified), sized(EMPTY))

export const NULL_PRIMARY = creationDataOf(u32(RH.NULL), u32(RH.NULL))
export const OWNER_PRIMARY = creationDataOf(u32(RH.OWNER), u32(RH.OWNER))

/** TPMT_SIGNATURE, ECDSA. */
export function signatureOf(key: Pair, data: Uint8Array, hash = 'sha256'): Uint8Array {
  const raw = Uint8Array.from(sign(hash, data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }))
  const id = { sha1: 0x0004, sha256: 0x000b, sha384: 0x000c }[hash] ?? 0
  return concat(u16(0x0018), u16(id), sized(raw.subarray(0, 32)), sized(raw.subarray(32)))
}

export const statement = (ak: Pair, attest: Uint8Array) => ({ attest, signature: signatureOf(ak, attest) })

export const NONCE = utf8('nonce of today, 24 octets')

/** Everything of one card that evidence is made of. */
export interface Parts {
  readonly ak: Pair
  readonly akAttributes: number
  readonly card: Pair
  readonly keyAttributes: number
  readonly k: Pair
  readonly kAttributes: number
  readonly kCreation: Uint8Array
  readonly policy: 'once' | 'always' | 'never'
  readonly table: LockTable
  readonly handle: number
  readonly tries: number
  readonly wrong: number
  readonly limit: number
  readonly nonce: Uint8Array
  /** Resets of the TPM since K was made. */
  readonly resets: number
  readonly akCertificates: readonly Uint8Array[]
  readonly ek: Evidence['ek'][number][]
}

export const cardParts = (given: Partial<Parts> = {}): Parts => ({
  ...{ ak: pair(), akAttributes: AK_ATTRIBUTES, card: pair(), keyAttributes: KEY_ATTRIBUTES },
  ...{ k: pair(), kAttributes: K_ATTRIBUTES, kCreation: NULL_PRIMARY, policy: 'once', table: LOCK },
  ...{ handle: 0x01812345, tries: 5, wrong: 1, limit: 5, nonce: NONCE, resets: 1, akCertificates: [], ek: [] },
  ...given,
})

/** The index P of a card, written. */
export function indexOf({ handle, k, kAttributes, table }: Parts): NvPublic {
  const nv = indexPublic('pin', handle, objectName(areaOf(k, kAttributes)), table)
  return { ...nv, attributes: (nv.attributes | NV.WRITTEN) >>> 0 }
}

export function keyPolicyOf(parts: Parts, nv: NvPublic = indexOf(parts)): Uint8Array {
  if (parts.policy === 'never') return EMPTY
  const pin = { handle: nv.handle, name: nvName(nv), tries: 0 }
  const puk = { handle: 0, name: EMPTY, tries: 0 }
  const facts = { cardId: new Uint8Array(16), burnName: EMPTY, pin, puk }
  return policyDigest(parts.table.keys[parts.policy], facts)
}

const BOOT = 0xffff_fffe

/** Evidence that is right in everything, unless the parts say otherwise. */
export function evidenceOf(parts: Parts, nv: NvPublic = indexOf(parts)): Evidence {
  const { ak, nonce, resets } = parts
  const area = areaOf(parts.card, parts.keyAttributes, keyPolicyOf(parts))
  // The count wraps round: what is added to it is secret.
  const now = { extraData: nonce, resetCount: (BOOT + resets) >>> 0 }
  const burnKey = areaOf(parts.k, parts.kAttributes)
  const counter = nvCertifyOf(nv, concat(u32(parts.wrong), u32(parts.limit)), now)
  const burn = creationOf(burnKey, parts.kCreation, { extraData: utf8('burn'), resetCount: BOOT })
  return {
    tesseraEvidence: 1,
    lock: parts.table.index === LOCK.index ? 2 : 1,
    slot: '9a',
    key: { kind: 'certify', public: area, ...statement(ak, certifyOf(area, now)) },
    ak: { public: areaOf(ak, parts.akAttributes), certificates: [...parts.akCertificates] },
    pin: {
      public: encodeNvPublic(nv),
      tries: parts.tries,
      counter: statement(ak, counter),
      burnKey,
      burn: { ...statement(ak, burn), creationData: parts.kCreation },
    },
    ek: parts.ek,
  }
}
