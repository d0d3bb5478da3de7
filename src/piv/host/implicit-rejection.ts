// PKCS#1 v1.5 where nobody learns whether the padding was right: a ciphertext whose padding is wrong decrypts to a message
// of its own, the same each time. Internet-Draft draft-irtf-cfrg-rsa-guidance, section 7. The draft derives that message
// from the private key, which a card does not give: here it is derived from a secret of this process.
import { createHmac, randomBytes } from 'node:crypto'
import { concat, copyOf, wipe } from '../../bytes.ts'
import { choose, pkcs1Message } from './padding.ts'

/** 00 02, eight octets, 00. */
const SHORTEST_PADDING = 11
const CANDIDATES = 128

const secret = randomBytes(32)

const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer => {
  const context = createHmac('sha256', key)
  for (const part of parts) context.update(part)
  return context.digest()
}

/** The PRF of the draft, 7.2, with HMAC-SHA-256. */
function stream(key: Uint8Array, label: string, length: number): Uint8Array {
  const bits = Uint8Array.of((length * 8) >> 8, (length * 8) & 0xff)
  const count = Math.ceil(length / 32)
  const parts = Array.from({ length: count }, (_, at) =>
    hmac(key, Uint8Array.of(at >> 8, at & 0xff), Buffer.from(label, 'latin1'), bits),
  )
  return concat(...parts).subarray(0, length)
}

/** The length of the message that stands for a wrong padding: the last candidate that fits. */
function lengthFor(key: Uint8Array, longest: number): number {
  const candidates = stream(key, 'length', 2 * CANDIDATES)
  const mask = 2 ** Math.ceil(Math.log2(longest + 1)) - 1
  let length = 0
  for (let at = 0; at < 2 * CANDIDATES; at += 2) {
    const candidate = (((candidates[at] ?? 0) << 8) | (candidates[at + 1] ?? 0)) & mask
    length = choose((candidate - longest - 1) >>> 31, candidate, length)
  }
  return length
}

/** @param ciphertext what the block was decrypted from, as long as it */
export function unpadPkcs1Implicitly(block: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const key = hmac(secret, ciphertext)
  const other = stream(key, 'message', block.length)
  const { good, start } = pkcs1Message(block)
  const otherStart = block.length - lengthFor(key, block.length - SHORTEST_PADDING)
  const chosen = other.map((octet, at) => choose(good, block[at] ?? 0, octet))
  try {
    return copyOf(chosen.subarray(choose(good, start, otherStart)))
  } finally {
    wipe(key, other, chosen)
  }
}
