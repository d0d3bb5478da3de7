// Public keys as a card writes them. SP 800-73-5 part 2, section 3.3.1, table 11: 7F49 {81 modulus, 82 exponent} or
// {86 point}.
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { concat, leftPad } from '../bytes.ts'
import { knownFields, writeFields } from '../iso7816/fields.ts'
import { readableTlvs, TlvError, tlv } from '../iso7816/tlv.ts'
import { ALGORITHMS, CARD_ALGORITHMS, type CardAlgorithm } from './algorithms.ts'

const TEMPLATE = 0x7f49

const RSA = { modulus: { tag: 0x81, length: [1, 513] }, exponent: { tag: 0x82, length: [1, 8] } } as const
const EC = { point: { tag: 0x86, length: [1, 133] } } as const

export type PublicKey =
  /** Both without leading zeros. */
  | { readonly modulus: Uint8Array; readonly exponent: Uint8Array }
  /** 04 || X || Y. `toKeyObject` checks whether it is on the curve. */
  | { readonly point: Uint8Array }

/** The algorithm of a public key, by its lengths. */
export function algorithmOf(key: PublicKey): CardAlgorithm | undefined {
  const kind = 'point' in key ? 'ec' : 'rsa'
  const octets = 'point' in key ? (key.point.length - 1) / 2 : key.modulus.length
  return (Object.keys(CARD_ALGORITHMS) as CardAlgorithm[]).find((name) => {
    const row = CARD_ALGORITHMS[name]
    return row.kind === kind && row.octets === octets
  })
}

const isOdd = (octets: Uint8Array): boolean => ((octets.at(-1) ?? 0) & 1) === 1

function check(key: PublicKey): PublicKey {
  if (algorithmOf(key) === undefined) throw new TlvError('the public key is of a kind or length that is not known here')
  if ('point' in key) {
    if (key.point[0] !== 0x04) throw new TlvError('the point is not in its uncompressed form')
    return key
  }
  const { modulus, exponent } = key
  if ((modulus[0] ?? 0) < 0x80 || !isOdd(modulus)) throw new TlvError('the modulus is malformed')
  if (exponent[0] === 0 || !isOdd(exponent) || (exponent.length === 1 && exponent[0] === 1)) {
    throw new TlvError('the public exponent is malformed')
  }
  return key
}

/**
 * Reads the contents of 7F49 (also tag 04 of Yubico's metadata); the fields are views. Some cards add other fields, or
 * leading zeros to the numbers. @throws TlvError
 */
export function readPublicKeyFields(octets: Uint8Array): PublicKey {
  const { point, modulus, exponent } = knownFields(octets, { ...EC, ...RSA })
  if (point !== undefined && modulus === undefined) return check({ point })
  if (point !== undefined || modulus === undefined || exponent === undefined)
    throw new TlvError('this is not a public key')
  return check({ modulus: withoutZeros(modulus), exponent: withoutZeros(exponent) })
}

const withoutZeros = (number: Uint8Array): Uint8Array =>
  number.subarray(
    Math.max(
      number.findIndex((octet) => octet !== 0),
      0,
    ),
  )

/** @throws TlvError unless it is a key of a supported kind */
export function writePublicKeyFields(key: PublicKey): Uint8Array {
  const checked = check(key)
  return concat(...('point' in checked ? writeFields(checked, EC) : writeFields(checked, RSA)))
}

/** Reads `7F49 L {…}`. @throws TlvError */
export function readPublicKey(octets: Uint8Array): PublicKey {
  const [first] = readableTlvs(octets)
  if (first?.tag !== TEMPLATE) throw new TlvError('this is not a public key')
  return readPublicKeyFields(first.value)
}

export const writePublicKey = (key: PublicKey): Uint8Array => tlv(TEMPLATE, writePublicKeyFields(key))

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url')
const fromBase64url = (text: string | undefined): Uint8Array => Uint8Array.from(Buffer.from(text ?? '', 'base64url'))

/** @throws TlvError when it is not a valid key: a point that is not on its curve */
export function toKeyObject(key: PublicKey): KeyObject {
  const jwk: JsonWebKey =
    'point' in key
      ? { kty: 'EC', crv: algorithmOf(key) ?? '', x: half(key.point, 0), y: half(key.point, 1) }
      : { kty: 'RSA', n: base64url(key.modulus), e: base64url(key.exponent) }
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch (cause) {
    throw new TlvError('the public key is malformed', { cause })
  }
}

function half(point: Uint8Array, which: 0 | 1): string {
  const size = (point.length - 1) / 2
  return base64url(point.subarray(1 + which * size, 1 + (which + 1) * size))
}

/** @throws TlvError for an unsupported algorithm */
export function fromKeyObject(key: KeyObject): PublicKey {
  const { kty, crv, n, e, x, y } = jwkOf(key)
  if (kty === 'RSA') return check({ modulus: fromBase64url(n), exponent: fromBase64url(e) })
  const row = crv === 'P-256' || crv === 'P-384' ? ALGORITHMS[crv] : undefined
  if (kty !== 'EC' || row === undefined) throw new TlvError('the public key is of a kind that is not known here')
  const coordinates = [x, y].map((text) => leftPad(fromBase64url(text), row.octets))
  return check({ point: concat(Uint8Array.of(0x04), ...coordinates) })
}

/** Node refuses kinds and curves that JWK has no name for. */
function jwkOf(key: KeyObject): JsonWebKey {
  try {
    return key.export({ format: 'jwk' })
  } catch (cause) {
    throw new TlvError('the public key is of a kind that is not known here', { cause })
  }
}

/** @throws TlvError for an unsupported algorithm */
export const fromSpki = (spki: Uint8Array): PublicKey =>
  fromKeyObject(createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }))
