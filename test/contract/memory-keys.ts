// Private keys of node:crypto doing what a vault's keys do. For tests alone: they are in this process, in clear.
import {
  constants,
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto'
import { promisify } from 'node:util'
import { concat, leftPad } from '../../src/bytes.ts'
import { CardError } from '../../src/errors.ts'
import { ALGORITHMS, type Algorithm, CARD_ALGORITHMS, type CardAlgorithm } from '../../src/piv/algorithms.ts'
import { type PrivateKeyParts, publicKeyOf } from '../../src/piv/private-key.ts'
import { privateJwk } from '../support/private-jwk.ts'

const ORDERS: Readonly<Record<string, bigint>> = {
  'P-256': BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
  'P-384': BigInt('0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973'),
}

const badData = (message: string) => new CardError('ERR_DATA', message)
const numberOf = (octets: Uint8Array): bigint => BigInt(`0x${Buffer.from(octets).toString('hex') || '0'}`)
const octetsOf = (number: bigint, length: number): Uint8Array =>
  Uint8Array.from(Buffer.from(number.toString(16).padStart(length * 2, '0'), 'hex'))
const field = (text = ''): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64url'))

export async function newKey(algorithm: Algorithm): Promise<KeyObject> {
  const generate = promisify(generateKeyPair)
  const row = ALGORITHMS[algorithm]
  if (row.kind === 'ec') return (await generate('ec', { namedCurve: row.curve })).privateKey
  return (await generate('rsa', { modulusLength: row.octets * 8 })).privateKey
}

/** @throws CardError ERR_DATA for parts that are no key of the algorithm */
export function readKey(algorithm: Algorithm, parts: PrivateKeyParts): KeyObject {
  const publicKey = publicKeyOf(algorithm, parts)
  if (publicKey === undefined) throw badData('These numbers are no private key.')
  const text = (octets: Uint8Array) => Buffer.from(octets).toString('base64url')
  if ('scalar' in parts) {
    const point = 'point' in publicKey ? publicKey.point : new Uint8Array(0)
    const middle = (point.length + 1) / 2
    const { x, y } = { x: text(point.subarray(1, middle)), y: text(point.subarray(middle)) }
    return createPrivateKey({ key: { kty: 'EC', crv: algorithm, d: text(parts.scalar), x, y }, format: 'jwk' })
  }
  const { p, q, dP, dQ, qInv } = parts
  const [n, lambda] = [numberOf(p) * numberOf(q), (numberOf(p) - 1n) * (numberOf(q) - 1n)]
  const number = (value: bigint) => text(octetsOf(value, ALGORITHMS[algorithm].octets))
  const d = number(inverse(65537n, lambda))
  const crt = { p: text(p), q: text(q), dp: text(dP), dq: text(dQ), qi: text(qInv) }
  return createPrivateKey({ key: { kty: 'RSA', e: 'AQAB', n: number(n), d, ...crt }, format: 'jwk' })
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [rest, next, sum, after] = [modulus, value % modulus, 0n, 1n]
  while (next > 0n) [rest, next, sum, after] = [next, rest % next, after, sum - (rest / next) * after]
  return (sum + modulus) % modulus
}

export const spkiOf = (key: KeyObject): Uint8Array =>
  Uint8Array.from(createPublicKey(key).export({ type: 'spki', format: 'der' }))

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus]
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

/** ECDSA over a digest as it is, which node:crypto does not offer: FIPS 186-5, 6.4.1. */
export function ecdsa(key: KeyObject, algorithm: CardAlgorithm, digest: Uint8Array): Uint8Array {
  const row = CARD_ALGORITHMS[algorithm]
  const order = ORDERS[algorithm]
  if (row.kind !== 'ec' || order === undefined) throw badData('This key does not sign digests.')
  if (digest.length === 0 || digest.length > row.octets) throw badData('The digest is longer than the curve.')
  const secret = numberOf(field(privateJwk(key).d))
  for (;;) {
    const once = createECDH(row.curve)
    const r = numberOf(once.generateKeys().subarray(1, 1 + row.octets)) % order
    const inverse = power(numberOf(once.getPrivateKey()), order - 2n, order)
    const s = (inverse * (numberOf(digest) + r * secret)) % order
    if (r !== 0n && s !== 0n) return concat(octetsOf(r, row.octets), octetsOf(s, row.octets))
  }
}

export function rawRsa(key: KeyObject, algorithm: CardAlgorithm, block: Uint8Array): Uint8Array {
  const { kind, octets } = CARD_ALGORITHMS[algorithm]
  const modulus = field(privateJwk(key).n)
  if (kind !== 'rsa' || block.length !== octets || Buffer.compare(block, modulus) >= 0) {
    throw badData('An RSA block is as long as the modulus, and a number below it.')
  }
  return leftPad(privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, block), octets)
}

export function agree(key: KeyObject, algorithm: CardAlgorithm, point: Uint8Array): Uint8Array {
  const { kind, octets } = CARD_ALGORITHMS[algorithm]
  if (kind !== 'ec' || point[0] !== 0x04 || point.length !== 1 + 2 * octets) throw badData('This is no point.')
  const text = (from: number) => Buffer.from(point.slice(from, from + octets)).toString('base64url')
  try {
    const jwk = { kty: 'EC', crv: algorithm, x: text(1), y: text(1 + octets) }
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
    return Uint8Array.from(diffieHellman({ privateKey: key, publicKey }))
  } catch (cause) {
    throw new CardError('ERR_DATA', 'This is no point of the curve.', { cause })
  }
}
