// Private keys in the parts that IMPORT KEY carries: whether they form a key, which public key belongs to them, and how to
// take them out of a KeyObject. They are octets outside V8's heap and never text, so that all of them can be overwritten.
import { checkPrime, createECDH, createPublicKey, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { equal, fromHex, space, wipe } from '../bytes.ts'
import { DER, integer } from '../iso7816/der.ts'
import { ifWellFormed, readTlvs, unwrap } from '../iso7816/tlv.ts'
import { ALGORITHMS, type Algorithm, isOwn } from './algorithms.ts'
import { inverseOfF4, multiply, remainder, subtract } from './numbers.ts'
import { algorithmOf, fromKeyObject, type PublicKey } from './public-key.ts'

/** Numbers, each as long as the field or as half of the modulus. */
export type PrivateKeyParts =
  | { readonly scalar: Uint8Array }
  | {
      readonly p: Uint8Array
      readonly q: Uint8Array
      readonly dP: Uint8Array
      readonly dQ: Uint8Array
      readonly qInv: Uint8Array
    }

const octets = (digits: string): Uint8Array => fromHex(digits) ?? new Uint8Array(0)
const ONE = Uint8Array.of(1)
const F4 = Uint8Array.of(0x01, 0x00, 0x01)

/** Order of the curve: SP 800-186, 3.2.1. */
const ORDERS: Readonly<Partial<Record<Algorithm, Uint8Array>>> = {
  'P-256': octets('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
  'P-384': octets('ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973'),
}

/**
 * The public key that belongs to the parts; undefined where they cannot be a key of this algorithm. Whether the numbers
 * of an RSA key belong together is checked by `isPrivateKey`.
 */
export function publicKeyOf(algorithm: Algorithm, parts: PrivateKeyParts): PublicKey | undefined {
  const row = ALGORITHMS[algorithm]
  if ('scalar' in parts) {
    return row.kind === 'ec' && isScalar(algorithm, parts.scalar) ? pointOf(row.curve, parts.scalar) : undefined
  }
  const modulus = multiply(parts.p, parts.q)
  const fits = row.kind === 'rsa' && modulus.length === row.octets && (modulus[0] ?? 0) >= 0x80
  return fits ? { modulus, exponent: F4 } : undefined
}

function isScalar(algorithm: Algorithm, scalar: Uint8Array): boolean {
  const { [algorithm]: order } = ORDERS
  return order?.length === scalar.length && scalar.some((octet) => octet !== 0) && Buffer.compare(scalar, order) < 0
}

function pointOf(curve: string, scalar: Uint8Array): PublicKey {
  const ecdh = createECDH(curve)
  ecdh.setPrivateKey(scalar)
  return { point: Uint8Array.from(ecdh.getPublicKey()) }
}

type Primes = Exclude<PrivateKeyParts, { readonly scalar: Uint8Array }>
const isPrime = promisify(checkPrime)

/** Whether the parts are a key of this algorithm. */
export async function isPrivateKey(algorithm: Algorithm, parts: PrivateKeyParts): Promise<boolean> {
  if (publicKeyOf(algorithm, parts) === undefined) return false
  return 'scalar' in parts || arePrimes(parts)
}

/** Whether the numbers of an RSA key belong together, for the exponent 65537. */
async function arePrimes({ p, q, dP, dQ, qInv }: Primes): Promise<boolean> {
  const secrets: Uint8Array[] = []
  const keep = (number: Uint8Array | undefined): Uint8Array => {
    const secret = number ?? new Uint8Array(0)
    secrets.push(secret)
    return secret
  }
  const undoes = (prime: Uint8Array, exponent: Uint8Array) =>
    equal(keep(inverseOfF4(keep(subtract(prime, ONE)))), exponent)
  try {
    if (equal(p, q) || !undoes(p, dP) || !undoes(q, dQ)) return false
    if (!equal(integer(keep(remainder(keep(multiply(q, qInv)), p))), integer(ONE))) return false
    return (await isPrime(p)) === true && (await isPrime(q)) === true
  } finally {
    wipe(...secrets)
  }
}

/**
 * The parts of a private key, copies for the caller to wipe; undefined for a key of an unsupported algorithm. Read from
 * DER, since the text of a JWK could not be overwritten. RFC 8017, A.1.2; RFC 5915.
 */
export function partsOf(
  key: KeyObject,
): { readonly algorithm: Algorithm; readonly parts: PrivateKeyParts } | undefined {
  const algorithm = algorithmOfPrivate(key)
  if (algorithm === undefined) return undefined
  const { kind, octets } = ALGORITHMS[algorithm]
  const der = key.export(kind === 'rsa' ? { type: 'pkcs1', format: 'der' } : { type: 'sec1', format: 'der' })
  try {
    const [, second, , , p, q, dP, dQ, qInv] = readTlvs(unwrap(der, DER.sequence)).map(({ value }) => value)
    if (kind === 'ec') return { algorithm, parts: { scalar: field(second, octets) } }
    const half = (number: Uint8Array | undefined) => field(number, octets / 2)
    return { algorithm, parts: { p: half(p), q: half(q), dP: half(dP), dQ: half(dQ), qInv: half(qInv) } }
  } finally {
    wipe(der)
  }
}

/** A number in so many octets: a copy. DER has a leading zero where the highest bit is set, and no others. */
function field(number: Uint8Array = new Uint8Array(0), length: number): Uint8Array {
  const value = number.subarray(Math.max(0, number.length - length))
  const copy = space(length)
  copy.set(value, length - value.length)
  return copy
}

const algorithmOfPrivate = (key: KeyObject): Algorithm | undefined =>
  ifWellFormed(() => {
    const publicKey = fromKeyObject(createPublicKey(key))
    const algorithm = algorithmOf(publicKey)
    if (algorithm === undefined || !isOwn(algorithm)) return undefined
    return 'point' in publicKey || equal(publicKey.exponent, F4) ? algorithm : undefined
  })
