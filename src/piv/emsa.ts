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
export function pkcs1Block(digest: Uint8Array, hash: Hash, length: number): Uint8Array {
  const info = DIGEST_INFO[hash]
  const block = space(length).fill(0xff)
  block.set([0x00, 0x01])
  block[length - digest.length - info.length - 1] = 0x00
  block.set(info, length - digest.length - info.length)
  block.set(digest, length - digest.length)
  return block
}
