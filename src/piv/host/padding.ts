// Removes the padding of an RSA block without showing by time or error where it is wrong. RFC 8017, 7.1.2 and 7.2.2.
import { copyOf, wipe } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import { type Hash, OAEP_HASHES, type OaepHash } from '../algorithms.ts'
import { hashOf } from '../emsa.ts'
import { mgf1 } from './signature.ts'

export interface DecryptOptions {
  /** `oaep` unless said otherwise; `pkcs1` (v1.5) only for peers that cannot do better. */
  readonly padding?: 'oaep' | 'pkcs1'
  /** OAEP: hash of the label and of MGF1. SHA-256 unless said otherwise. */
  readonly hash?: Hash | string
  /** OAEP label; empty unless said otherwise. */
  readonly label?: Uint8Array
}

/** One error for everything: an attacker tries to find out which check failed (Bleichenbacher, Manger). */
export const notDecrypted = () =>
  new CardError(
    'ERR_DATA',
    'The text cannot be decrypted with this key: it was encrypted for another one, with another padding, or was damaged.',
  )

/** 1 where `value` is 0, else 0; without a branch. */
const isZero = (value: number): number => ((value | -value) >>> 31) ^ 1
export const choose = (condition: number, yes: number, no: number): number => no ^ (-condition & (yes ^ no))

/** 00 02 PS 00 M with at least eight octets of PS: whether it is that (1 or 0), and where M begins. */
export function pkcs1Message(block: Uint8Array): { readonly good: number; readonly start: number } {
  let good = isZero(block[0] ?? 1) & isZero((block[1] ?? 0) ^ 0x02)
  let looking = 1
  let separator = 0
  for (let at = 2; at < block.length; at += 1) {
    const zero = isZero(block[at] ?? 1)
    separator = choose(looking & zero, at, separator)
    looking &= zero ^ 1
  }
  good &= looking ^ 1
  good &= (9 - separator) >>> 31 // separator at 10 or later
  return { good, start: separator + 1 }
}

export function unpadPkcs1(block: Uint8Array): Uint8Array {
  const { good, start } = pkcs1Message(block)
  if (good !== 1) throw notDecrypted()
  return copyOf(block.subarray(start))
}

/** EME-OAEP: 00 maskedSeed maskedDB. */
export function unpadOaep(block: Uint8Array, hash: OaepHash, label: Uint8Array = new Uint8Array(0)): Uint8Array {
  const size = OAEP_HASHES[hash]
  if (block.length < 2 * size + 2) throw notDecrypted()
  const xor = (octets: Uint8Array, mask: Uint8Array) => octets.map((octet, index) => octet ^ (mask[index] ?? 0))
  const hidden = block.slice(1 + size)
  const seed = xor(block.slice(1, 1 + size), mgf1(hidden, size, hash))
  const db = xor(hidden, mgf1(seed, hidden.length, hash))
  const expected = hashOf(hash, label)
  let bad = block[0] ?? 1
  for (let at = 0; at < size; at += 1) bad |= (db[at] ?? 0) ^ (expected[at] ?? 0)
  let looking = 1
  let separator = 0
  for (let at = size; at < db.length; at += 1) {
    const octet = db[at] ?? 0
    const one = isZero(octet ^ 0x01)
    separator = choose(looking & one, at, separator)
    bad |= looking & (one ^ 1) & (isZero(octet) ^ 1)
    looking &= one ^ 1
  }
  try {
    if ((isZero(bad) & (looking ^ 1)) !== 1) throw notDecrypted()
    return copyOf(db.subarray(separator + 1))
  } finally {
    wipe(seed, db)
  }
}
