// Private keys in the parts that IMPORT KEY brings, put together as PKCS#8 (RFC 5958), and taken apart. Everything secret
// on the way is overwritten.
import { checkPrime, createPublicKey, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { equal, fromHex, space, wipe } from '../bytes.ts'
import { DER, integer } from '../iso7816/der.ts'
import { readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { ALGORITHMS, type Algorithm } from './algorithms.ts'
import { inverseOfF4, multiply, remainder, subtract } from './numbers.ts'
import { algorithmOf, fromKeyObject } from './public-key.ts'

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
const VERSION = integer(new Uint8Array(1))

/** AlgorithmIdentifier: RFC 3279, 2.3.1 and 2.3.5; and the order of the curve: SP 800-186, 3.2.1. */
const RSA = tlv(DER.sequence, tlv(DER.oid, octets('2a864886f70d010101')), tlv(DER.null))
const curve = (oid: string) => tlv(DER.sequence, tlv(DER.oid, octets('2a8648ce3d0201')), tlv(DER.oid, octets(oid)))
const CURVES: Readonly<Partial<Record<Algorithm, { readonly algorithm: Uint8Array; readonly order: Uint8Array }>>> = {
  'P-256': {
    algorithm: curve('2a8648ce3d030107'),
    order: octets('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
  },
  'P-384': {
    algorithm: curve('2b81040022'),
    order: octets('ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973'),
  },
}

/** An element whose parts are overwritten: it is the only copy of them. */
function sealed(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const element = tlv(tag, ...parts)
  wipe(...parts)
  return element
}

const pkcs8 = (algorithm: Uint8Array, key: Uint8Array): Uint8Array =>
  sealed(DER.sequence, VERSION.slice(), algorithm.slice(), sealed(DER.octetString, key))

/** PKCS#8 in DER, to be wiped by the caller; undefined where the parts are no key of this algorithm. */
export async function privateKeyOf(algorithm: Algorithm, parts: PrivateKeyParts): Promise<Uint8Array | undefined> {
  const known = CURVES[algorithm]
  if ('scalar' in parts) return known && ofScalar(parts.scalar, known)
  return known === undefined ? ofPrimes(ALGORITHMS[algorithm].octets, parts) : undefined
}

function ofScalar(scalar: Uint8Array, { algorithm, order }: { algorithm: Uint8Array; order: Uint8Array }) {
  if (scalar.every((octet) => octet === 0) || Buffer.compare(scalar, order) >= 0) return undefined
  return pkcs8(algorithm, sealed(DER.sequence, integer(ONE), tlv(DER.octetString, scalar)))
}

type Primes = Exclude<PrivateKeyParts, { readonly scalar: Uint8Array }>
const isPrime = promisify(checkPrime)

async function ofPrimes(length: number, parts: Primes): Promise<Uint8Array | undefined> {
  const secrets: Uint8Array[] = []
  const held = (number: Uint8Array | undefined): Uint8Array => {
    const secret = number ?? new Uint8Array(0)
    secrets.push(secret)
    return secret
  }
  try {
    const { p, q, dP, dQ, qInv } = parts
    const n = multiply(p, q)
    if (n.length !== length || (n[0] ?? 0) < 0x80 || equal(p, q)) return undefined
    const [p1, q1] = [held(subtract(p, ONE)), held(subtract(q, ONE))]
    // Each of the other numbers follows from the primes.
    if (!equal(held(inverseOfF4(p1)), dP) || !equal(held(inverseOfF4(q1)), dQ)) return undefined
    if (!equal(integer(held(remainder(held(multiply(q, qInv)), p))), integer(ONE))) return undefined
    if (!(await isPrime(p)) || !(await isPrime(q))) return undefined
    const d = held(inverseOfF4(held(multiply(p1, q1))))
    return pkcs8(RSA, sealed(DER.sequence, VERSION.slice(), ...[n, F4, d, p, q, dP, dQ, qInv].map(integer)))
  } finally {
    wipe(...secrets)
  }
}

/**
 * The other way round: the parts of a private key, copies to be wiped by the caller; undefined for a key of an algorithm
 * that is not known here. Read out of DER, since the text of a JWK could not be overwritten. RFC 8017, A.1.2; RFC 5915.
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

function algorithmOfPrivate(key: KeyObject): Algorithm | undefined {
  try {
    const publicKey = fromKeyObject(createPublicKey(key))
    return 'point' in publicKey || equal(publicKey.exponent, F4) ? algorithmOf(publicKey) : undefined
  } catch (error) {
    if (error instanceof TlvError) return undefined
    throw error
  }
}
