// Signatures on the host's side of the card: hashing, padding, encoding. RFC 8017 (PKCS#1), RFC 3279 (ECDSA in DER).
import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { isUint8Array } from 'node:util/types'
import { concat } from '../../bytes.ts'
import { CardError, UsageError } from '../../errors.ts'
import { HASHES, type Hash, OAEP_HASHES, type OaepHash, parseHash } from '../algorithms.ts'
import { hasher, hashOf, pkcs1Block } from '../emsa.ts'
import type { Cancellable } from './waiting.ts'

export interface SignatureOptions {
  /** SHA-256 unless said otherwise. */
  readonly hash?: Hash | string
  /** ECDSA: `der` (X.509, OpenSSL) or `raw` (r || s: JOSE, WebCrypto). */
  readonly format?: 'der' | 'raw'
  /** RSA: `pkcs1` (v1.5) or `pss` (salt as long as the hash, MGF1 with the same hash). */
  readonly padding?: 'pkcs1' | 'pss'
}

export interface SignatureParameters {
  readonly hash: Hash
  readonly format: 'der' | 'raw'
  readonly padding: 'pkcs1' | 'pss'
  /** PSS: octets of the salt; as many as the hash has unless said otherwise. */
  readonly saltLength?: number
}

export function signatureParameters(options: SignatureOptions): SignatureParameters {
  return {
    hash: parseHash(options.hash ?? 'SHA-256'),
    format: options.format ?? 'der',
    padding: options.padding ?? 'pkcs1',
  }
}

/** From this size on hashing goes to WebCrypto, which works on another thread, on a copy that it makes on this one. */
const LARGE = 64 * 1024
/** Beyond this size, making the copy would block the event loop for too long. */
const HUGE = 1024 * 1024
/** The amount hashed between two turns of the event loop: a fraction of a millisecond. */
const SLICE = 256 * 1024

/**
 * What is signed. JavaScript may pass anything, including octets of another context (node:vm), as in test runners.
 * @throws UsageError ERR_USAGE
 */
export function octetsOf(value: unknown): Uint8Array {
  if (isUint8Array(value)) return value
  const text = typeof value === 'string' ? ' For a text: new TextEncoder().encode(text).' : ''
  throw new UsageError('ERR_USAGE', `What is signed is a Uint8Array, and a message may be a stream of them.${text}`)
}

/**
 * The digest of a message; at once where it is short, so that calls reach the card in the order in which they were made.
 * @throws UsageError ERR_USAGE where it is no message; the signal's reason, where it aborts between two parts of the message
 */
export function digestOf(
  data: Uint8Array | AsyncIterable<Uint8Array>,
  hash: Hash,
  waiting: Cancellable = {},
): Uint8Array | Promise<Uint8Array> {
  if (isStream(data)) return digestOfParts(data, hash, waiting)
  const octets = octetsOf(data)
  if (octets.length <= LARGE) return hashOf(hash, octets)
  if (octets.length > HUGE) return digestOfParts([octets], hash, waiting)
  return crypto.subtle.digest(hash, octets as Uint8Array<ArrayBuffer>).then((digest) => new Uint8Array(digest))
}

const isStream = (data: Uint8Array | AsyncIterable<Uint8Array>): data is AsyncIterable<Uint8Array> =>
  !isUint8Array(data) && Symbol.asyncIterator in Object(data)

/** In slices, without copying. Parts may arrive without a turn of the event loop between them. */
async function digestOfParts(
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  hash: Hash,
  { signal }: Cancellable,
): Promise<Uint8Array> {
  const context = hasher(hash)
  let sliced = 0
  for await (const given of parts) {
    const part = octetsOf(given)
    for (let at = 0; at < part.length; at += SLICE) {
      signal?.throwIfAborted()
      const slice = part.subarray(at, at + SLICE)
      context.update(slice)
      sliced += slice.length
      if (sliced < SLICE) continue
      sliced = 0
      await turn()
    }
  }
  signal?.throwIfAborted()
  return Uint8Array.from(context.digest())
}

/**
 * The block that the raw RSA operation turns into a signature. `length`: the octets of the modulus.
 * @throws CardError ERR_DATA when the length of the digest is not that of `hash`, or the salt is too long for the key
 */
export function rsaBlock(digest: Uint8Array, parameters: SignatureParameters, length: number): Uint8Array {
  const { hash, padding, saltLength = HASHES[hash] } = parameters
  if (digest.length !== HASHES[hash]) {
    throw new CardError('ERR_DATA', `A ${hash} digest has ${HASHES[hash]} octets, and this has ${digest.length}.`)
  }
  if (padding === 'pkcs1') return pkcs1Block(digest, hash, length)
  const longest = length - digest.length - 2
  if (saltLength <= longest) return pssBlock(digest, hash, saltLength, length)
  throw new CardError('ERR_DATA', `With this key and ${hash} a salt has at most ${longest} octets, not ${saltLength}.`)
}

/** EMSA-PSS, RFC 8017, 9.1.1, for a modulus length that is a multiple of 8 bits. */
function pssBlock(digest: Uint8Array, hash: Hash, saltLength: number, length: number): Uint8Array {
  const salt = Uint8Array.from(randomBytes(saltLength))
  const h = hashOf(hash, new Uint8Array(8), digest, salt)
  const db = concat(new Uint8Array(length - salt.length - h.length - 2), Uint8Array.of(0x01), salt)
  const mask = mgf1(h, db.length, hash)
  const masked = db.map((octet, index) => octet ^ (mask[index] ?? 0))
  masked[0] = (masked[0] ?? 0) & 0x7f
  return concat(masked, h, Uint8Array.of(0xbc))
}

/** MGF1, RFC 8017, B.2.1. */
export function mgf1(seed: Uint8Array, length: number, hash: OaepHash): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / OAEP_HASHES[hash]) }, (_, i) =>
    hashOf(hash, seed, Uint8Array.of(0, 0, 0, i)),
  )
  return concat(...blocks).slice(0, length)
}
