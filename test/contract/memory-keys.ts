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
import { ALGORITHMS, type Algorithm } from '../../src/piv/algorithms.ts'

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

/** @throws CardError ERR_DATA for what is no private key, ERR_NOT_SUPPORTED for one that no card has */
export function readKey(pkcs8: Uint8Array): { readonly privateKey: KeyObject; readonly algorithm: Algorithm } {
  const privateKey = parse(pkcs8)
  const { kty, crv, n, e } = privateKey.export({ format: 'jwk' })
  const name = kty === 'EC' ? crv : kty === 'RSA' && e === 'AQAB' ? `RSA-${field(n).length * 8}` : undefined
  const algorithm = (Object.keys(ALGORITHMS) as Algorithm[]).find((known) => known === name)
  if (algorithm !== undefined) return { privateKey, algorithm }
  throw new CardError('ERR_NOT_SUPPORTED', 'Only keys of P-256, P-384, RSA-2048 and RSA-3072 can be imported.')
}

function parse(pkcs8: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  } catch (cause) {
    throw new CardError('ERR_DATA', 'This is not a private key in PKCS#8.', { cause })
  }
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
export function ecdsa(key: KeyObject, algorithm: Algorithm, digest: Uint8Array): Uint8Array {
  const row = ALGORITHMS[algorithm]
  const order = ORDERS[algorithm]
  if (row.kind !== 'ec' || order === undefined) throw badData('This key does not sign digests.')
  if (digest.length === 0 || digest.length > row.octets) throw badData('The digest is longer than the curve.')
  const secret = numberOf(field(key.export({ format: 'jwk' }).d))
  for (;;) {
    const once = createECDH(row.curve)
    const r = numberOf(once.generateKeys().subarray(1, 1 + row.octets)) % order
    const inverse = power(numberOf(once.getPrivateKey()), order - 2n, order)
    const s = (inverse * (numberOf(digest) + r * secret)) % order
    if (r !== 0n && s !== 0n) return concat(octetsOf(r, row.octets), octetsOf(s, row.octets))
  }
}

export function rawRsa(key: KeyObject, algorithm: Algorithm, block: Uint8Array): Uint8Array {
  const { kind, octets } = ALGORITHMS[algorithm]
  const modulus = field(key.export({ format: 'jwk' }).n)
  if (kind !== 'rsa' || block.length !== octets || Buffer.compare(block, modulus) >= 0) {
    throw badData('An RSA block is as long as the modulus, and a number below it.')
  }
  return leftPad(privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, block), octets)
}

export function agree(key: KeyObject, algorithm: Algorithm, point: Uint8Array): Uint8Array {
  const { kind, octets } = ALGORITHMS[algorithm]
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
