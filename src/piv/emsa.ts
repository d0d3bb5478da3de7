// Digests, and the RSA signature padding that needs nothing else. RFC 8017, 9.2.
import { createHash, type Hash as Hasher } from 'node:crypto'
import { space } from '../bytes.ts'
import type { Hash, OaepHash } from './algorithms.ts'

const NAMES = {
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
} as const satisfies Record<OaepHash, string>
export const hasher = (hash: OaepHash): Hasher => createHash(NAMES[hash])

export function hashOf(hash: OaepHash, ...parts: readonly Uint8Array[]): Uint8Array {
  const context = hasher(hash)
  for (const part of parts) context.update(part)
  return octetsOf(context.digest())
}

/** A Buffer's octets in place, as a Uint8Array: `slice` of a Buffer makes no copy. */
const octetsOf = ({ buffer, byteOffset, length }: Buffer): Uint8Array => new Uint8Array(buffer, byteOffset, length)

/** DigestInfo up to the digest itself, note 1. */
const DIGEST_INFO: Record<Hash, Uint8Array> = {
  'SHA-256': Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  'SHA-384': Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  'SHA-512': Buffer.from('3051300d060960864801650304020305000440', 'hex'),
}

/** EMSA-PKCS1-v1_5. `length`: the octets of the modulus. */
export const pkcs1Block = (digest: Uint8Array, hash: Hash, length: number): Uint8Array =>
  paddedBlock(length, DIGEST_INFO[hash], digest)

/** 00 01 FF..FF 00 and the parts. @throws RangeError where less than eight octets of padding are left */
export function paddedBlock(length: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let at = length
  for (const part of parts) at -= part.length
  if (at < LEAST_PADDING + 3) throw new RangeError('The block has no room for its padding.')
  const block = space(length).fill(0xff)
  block.set([0x00, 0x01])
  block[at - 1] = 0x00
  for (const part of parts) {
    block.set(part, at)
    at += part.length
  }
  return block
}

const LEAST_PADDING = 8
