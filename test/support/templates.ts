// Public areas and other parameters in wire form that tests share. TPM 2.0 Library, Part 2: TPMT_PUBLIC, TPMA_OBJECT.
import { ascii, concat, EMPTY, tpm2b, u16, u32 } from './wire.ts'

/** Permanent handles and the algorithm numbers that templates need. */
export const RH = { owner: 0x40000001, null: 0x40000007, lockout: 0x4000000a, platform: 0x4000000c } as const
export const ALG = {
  rsa: 1,
  hmac: 5,
  aes: 6,
  keyedHash: 8,
  sha256: 0x0b,
  null: 0x10,
  ecdsa: 0x18,
  ecc: 0x23,
  cfb: 0x43,
} as const

/** TPMA_OBJECT bits. */
export const OBJECT = {
  fixedTpm: 0x02,
  fixedParent: 0x10,
  sensitiveDataOrigin: 0x20,
  userWithAuth: 0x40,
  adminWithPolicy: 0x80,
  noDa: 0x400,
  restricted: 0x10000,
  decrypt: 0x20000,
  sign: 0x40000,
} as const

const OWN = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin
const words = (...values: number[]): Uint8Array => concat(...values.map(u16))

function area(type: number, attributes: number, policy: Uint8Array, rest: Uint8Array): Uint8Array {
  return tpm2b(words(type, ALG.sha256), u32(attributes), tpm2b(policy), rest)
}

const NO_POLICY = new Uint8Array(0)
const ECC_UNIQUE = concat(EMPTY, EMPTY)

/** The storage key as the product wants it: P-256, AES-128-CFB, no authValue (TCG's ECC SRK without user policy). */
export const eccStorage = (): Uint8Array =>
  area(
    ALG.ecc,
    OWN | OBJECT.userWithAuth | OBJECT.noDa | OBJECT.restricted | OBJECT.decrypt,
    NO_POLICY,
    concat(words(ALG.aes, 128, ALG.cfb, ALG.null, 3, ALG.null), ECC_UNIQUE),
  )

/** The same as an RSA-2048 key. */
export const rsaStorage = (): Uint8Array =>
  area(
    ALG.rsa,
    OWN | OBJECT.userWithAuth | OBJECT.noDa | OBJECT.restricted | OBJECT.decrypt,
    NO_POLICY,
    concat(words(ALG.aes, 128, ALG.cfb, ALG.null, 2048), u32(0), EMPTY),
  )

export interface KeyShape {
  /** TPMA_OBJECT; default: made in the TPM and bound to it, used by its authValue, signs and decrypts, noDA. */
  readonly attributes?: number
  /** authPolicy digest. */
  readonly policy?: Uint8Array
}

const KEY = OWN | OBJECT.userWithAuth | OBJECT.noDa | OBJECT.sign | OBJECT.decrypt

/** An EC key, scheme null. `curve`: 3 P-256, 4 P-384. */
export const eccKey = ({ attributes = KEY, policy = NO_POLICY }: KeyShape = {}, curve = 3): Uint8Array =>
  area(ALG.ecc, attributes, policy, concat(words(ALG.null, ALG.null, curve, ALG.null), ECC_UNIQUE))

/** An RSA key, scheme null, exponent 65537. */
export const rsaKey = ({ attributes = KEY, policy = NO_POLICY }: KeyShape = {}, bits = 2048): Uint8Array =>
  area(ALG.rsa, attributes, policy, concat(words(ALG.null, ALG.null, bits), u32(0), EMPTY))

/** An HMAC-SHA256 key. */
export const hmacKey = ({ attributes = KEY & ~OBJECT.decrypt, policy = NO_POLICY }: KeyShape = {}): Uint8Array =>
  area(ALG.keyedHash, attributes, policy, concat(words(ALG.hmac, ALG.sha256), EMPTY))

/** A sealed blob; its secret is the `data` of `sensitive`. */
export const sealed = ({ policy = NO_POLICY }: KeyShape = {}): Uint8Array =>
  area(
    ALG.keyedHash,
    OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.userWithAuth | OBJECT.noDa,
    policy,
    concat(words(ALG.null), EMPTY),
  )

/** TPM2B_SENSITIVE_CREATE. */
export const sensitive = (auth: Uint8Array = NO_POLICY, data: Uint8Array = NO_POLICY): Uint8Array =>
  tpm2b(tpm2b(auth), tpm2b(data))

/** All parameters of TPM2_Create and TPM2_CreatePrimary. */
export const create = (template: Uint8Array, auth?: Uint8Array, data?: Uint8Array): Uint8Array =>
  concat(sensitive(auth, data), template, EMPTY, u32(0))

/** All parameters of TPM2_Sign over a SHA-256 digest of the caller: ECDSA. */
export const signDigest = (digest: Uint8Array): Uint8Array =>
  concat(tpm2b(digest), words(ALG.ecdsa, ALG.sha256), NULL_HASHCHECK)

/** TPMT_TK_HASHCHECK that says nothing. */
export const NULL_HASHCHECK: Uint8Array = concat(u16(0x8024), u32(RH.null), EMPTY)

/** TPM2B_NV_PUBLIC with SHA-256 as nameAlg. */
export const nvPublic = (index: number, attributes: number, policy: Uint8Array = NO_POLICY, size = 8): Uint8Array =>
  tpm2b(u32(index), u16(ALG.sha256), u32(attributes), tpm2b(policy), u16(size))

/** TPMA_NV bits; `pinFail` is the type TPM_NT_PIN_FAIL in its place. */
export const NV = {
  ownerWrite: 0x02,
  authWrite: 0x04,
  policyWrite: 0x08,
  pinFail: 0x80,
  ownerRead: 0x20000,
  authRead: 0x40000,
  policyRead: 0x80000,
  noDa: 0x2000000,
  written: 0x20000000,
} as const

/** Contents of a PIN index. */
export const pinCounter = (count: number, limit: number): Uint8Array => concat(u32(count), u32(limit))

/** All parameters of TPM2_NV_Write at offset 0. */
export const nvWrite = (data: Uint8Array): Uint8Array => concat(tpm2b(data), u16(0))

/** A TPM2B of text, as policyRef often is. */
export const text2b = (text: string): Uint8Array => tpm2b(ascii(text))
