// Public areas of objects: templates, Names, and public keys. TPM 2.0 Library, Part 2, 12.2; Part 1, section 16.
import { createHash, type KeyObject } from 'node:crypto'
import { concat, leftPad } from '../../bytes.ts'
import { ALGORITHMS, type Algorithm } from '../../piv/algorithms.ts'
import { toKeyObject } from '../../piv/public-key.ts'
import { ALG, CURVE } from '../constants.ts'
import { EMPTY, malformed, sized, u16, u32, WireReader } from './wire.ts'

/** Curve by algorithm. */
const CURVES = [
  { algorithm: 'P-256', id: CURVE.P256, octets: 32 },
  { algorithm: 'P-384', id: CURVE.P384, octets: 48 },
] as const

export interface EccPublic {
  readonly type: 'ecc'
  readonly attributes: number
  readonly authPolicy: Uint8Array
  readonly curve: (typeof CURVES)[number]
  readonly x: Uint8Array
  readonly y: Uint8Array
}

export interface RsaPublic {
  readonly type: 'rsa'
  readonly attributes: number
  readonly authPolicy: Uint8Array
  readonly bits: number
  readonly exponent: number
  readonly modulus: Uint8Array
}

export type ObjectPublic = EccPublic | RsaPublic

/** TPMT_PUBLIC of a key for `algorithm`; without `unique` a template. Symmetric, scheme and KDF are TPM_ALG_NULL. */
export function keyTemplate(
  algorithm: Algorithm,
  attributes: number,
  authPolicy: Uint8Array,
  unique?: { readonly x: Uint8Array; readonly y: Uint8Array } | { readonly modulus: Uint8Array },
): Uint8Array {
  const head = (type: number) => concat(u16(type), u16(ALG.SHA256), u32(attributes), sized(authPolicy))
  const curve = CURVES.find((row) => row.algorithm === algorithm)
  if (curve !== undefined) {
    const point = unique !== undefined && 'x' in unique ? unique : { x: EMPTY, y: EMPTY }
    const details = concat(u16(ALG.NULL), u16(ALG.NULL), u16(curve.id), u16(ALG.NULL))
    return concat(head(ALG.ECC), details, sized(point.x), sized(point.y))
  }
  const modulus = unique !== undefined && 'modulus' in unique ? unique.modulus : EMPTY
  const details = concat(u16(ALG.NULL), u16(ALG.NULL), u16(ALGORITHMS[algorithm].octets * 8), u32(0))
  return concat(head(ALG.RSA), details, sized(modulus))
}

/** TPMT_PUBLIC of a P-256 key that only verifies signatures: K and the help desk's H. */
export function verifyingKey(point: Uint8Array, attributes: number): Uint8Array {
  return keyTemplate('P-256', attributes, EMPTY, { x: point.slice(0, 32), y: point.slice(32, 64) })
}

/** Hashes of Names, as OpenSSL calls them. Objects of this program have SHA-256; some endorsement keys have SHA-384. */
const NAME_HASHES: ReadonlyMap<number, string> = new Map([
  [ALG.SHA256, 'sha256'],
  [ALG.SHA384, 'sha384'],
])

/** Name of an object: nameAlg || H(TPMT_PUBLIC). */
export function objectName(area: Uint8Array): Uint8Array {
  const nameAlg = area.subarray(2, 4)
  const hash = NAME_HASHES.get(new WireReader(nameAlg).u16()) ?? 'sha256'
  return concat(nameAlg, createHash(hash).update(area).digest())
}

/** TPMA_OBJECT in a TPMT_PUBLIC. */
export const attributesOf = (area: Uint8Array): number => new WireReader(area.subarray(4, 8)).u32()

/**
 * Reads a TPMT_PUBLIC of an asymmetric key, as views of it. Keys of cards have no signing scheme and the nameAlg SHA-256;
 * `scheme` accepts others, as attestation and endorsement keys have them. @throws TpmError ERR_TPM_ANSWER
 */
export function decodePublic(area: Uint8Array, scheme: 'none' | 'any' = 'none'): ObjectPublic {
  const reader = new WireReader(area)
  const type = reader.u16()
  const nameAlg = reader.u16()
  const attributes = reader.u32()
  const authPolicy = reader.view()
  const isKnown = scheme === 'none' ? nameAlg === ALG.SHA256 : NAME_HASHES.has(nameAlg)
  if (!isKnown) throw malformed('has another name algorithm than SHA-256')
  if (reader.u16() !== ALG.NULL) reader.skip(4) // symmetric key bits and mode of a storage key
  if (reader.u16() !== ALG.NULL) {
    if (scheme === 'none') throw malformed('has a signing scheme')
    reader.skip(2) // its hash
  }
  if (type === ALG.ECC) {
    const id = reader.u16()
    if (reader.u16() !== ALG.NULL) throw malformed('has a key derivation scheme')
    const curve = CURVES.find((row) => row.id === id)
    if (curve === undefined) throw malformed('names an unknown curve')
    const x = leftPad(reader.view(), curve.octets)
    const y = leftPad(reader.view(), curve.octets)
    reader.end()
    return { type: 'ecc', attributes, authPolicy, curve, x, y }
  }
  if (type !== ALG.RSA) throw malformed('is not of an RSA or ECC key')
  const bits = reader.u16()
  const exponent = reader.u32() || 65537
  const modulus = reader.view()
  reader.end()
  return { type: 'rsa', attributes, authPolicy, bits, exponent, modulus }
}

/** The same key for node:crypto. @throws TpmError ERR_TPM_ANSWER where it is not a point of its curve */
export function publicKeyOf(key: ObjectPublic): KeyObject {
  try {
    return toKeyObject(
      key.type === 'ecc'
        ? { point: concat(Uint8Array.of(0x04), key.x, key.y) }
        : { modulus: key.modulus, exponent: u32(key.exponent).subarray(1) },
    )
  } catch {
    throw malformed('holds no key of its kind')
  }
}

/** SubjectPublicKeyInfo in DER. */
export function spkiOf(area: Uint8Array, scheme?: 'any'): Uint8Array {
  return Uint8Array.from(publicKeyOf(decodePublic(area, scheme)).export({ type: 'spki', format: 'der' }))
}
