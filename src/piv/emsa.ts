// Digests, and the padding of RSA signatures that needs nothing else. RFC 8017, 9.2.
import { createHash, type Hash as Hasher } from 'node:crypto'
import { concat } from '../bytes.ts'
import type { Hash } from './algorithms.ts'

const NAMES = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const satisfies Record<Hash, string>
export const hasher = (hash: Hash): Hasher => createHash(NAMES[hash])

export function hashOf(hash: Hash, ...parts: readonly Uint8Array[]): Uint8Array {
  const context = hasher(hash)
  for (const part of parts) context.update(part)
  return Uint8Array.from(context.digest())
}

/** DigestInfo up to the digest itself, note 1. */
const DIGEST_INFO: Record<Hash, string> = {
  'SHA-256': '3031300d060960864801650304020105000420',
  'SHA-384': '3041300d060960864801650304020205000430',
  'SHA-512': '3051300d060960864801650304020305000440',
}

/** EMSA-PKCS1-v1_5. `length` in octets of the modulus. */
export function pkcs1Block(digest: Uint8Array, hash: Hash, length: number): Uint8Array {
  const info = concat(Buffer.from(DIGEST_INFO[hash], 'hex'), digest)
  const fill = new Uint8Array(length - info.length - 3).fill(0xff)
  return concat(Uint8Array.of(0x00, 0x01), fill, Uint8Array.of(0x00), info)
}
