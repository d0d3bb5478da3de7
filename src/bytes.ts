// Octets: the few operations that every layer needs.
import { createHash } from 'node:crypto'
import { isUint8Array } from 'node:util/types'
import { UsageError } from './errors.ts'

const encoder = new TextEncoder()

/** The UTF-8 octets of `text`, in memory of their own (never in Node's shared pool). */
export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/**
 * Zeros that stay where they are. V8 keeps small typed arrays in its heap, where a collection moves them and leaves
 * copies that nobody can overwrite; one with a buffer of its own is outside. For whatever may be secret.
 */
export const space = (length: number): Uint8Array => new Uint8Array(new ArrayBuffer(length))

/** A copy, to be wiped after use. */
export function copyOf(octets: Uint8Array): Uint8Array {
  const copy = space(octets.length)
  copy.set(octets)
  return copy
}

/** One new array with the octets of all `parts` in turn; it may hold secrets. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = space(length)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** Whether two public values are the same octets (not for secrets: it stops at the first difference). */
export function equal(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false
  return true
}

export function hex(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('hex')
}

/** SHA-256 over all `parts` in turn. */
export function sha256(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return Uint8Array.from(hash.digest())
}

/** The octets of a string of hex digits; `undefined` when it is not one. */
export function fromHex(digits: string): Uint8Array | undefined {
  return /^(?:[0-9a-f]{2})*$/i.test(digits) ? Uint8Array.from(Buffer.from(digits, 'hex')) : undefined
}

/** The octets of base64 that is written as it should be; `undefined` for anything else. */
export function fromBase64(text: string): Uint8Array | undefined {
  const octets = Buffer.from(text, 'base64')
  return octets.toString('base64') === text ? Uint8Array.from(octets) : undefined
}

/** Overwrites secrets of ours. What a caller handed in stays the caller's to wipe. */
export function wipe(...secrets: readonly (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0)
}

/**
 * A private copy of a secret, outside Node's buffer pool, so that `wipe` reaches every octet of it.
 * A string cannot be wiped by anybody: callers that care hand in a Uint8Array.
 * @throws UsageError ERR_USAGE for what is neither
 */
export function secretBytes(secret: string | Uint8Array): Uint8Array {
  if (typeof secret === 'string') return copyOf(utf8(secret))
  if (isUint8Array(secret)) return copyOf(secret) // also one of another context (node:vm), as test runners have them
  throw new UsageError('ERR_USAGE', 'A PIN, a PUK or another secret is a Uint8Array or a string.')
}

/** `octets` padded with zeros on the left to `length`; more than `length` octets are returned as they are. */
export function leftPad(octets: Uint8Array, length: number): Uint8Array {
  if (octets.length >= length) return octets
  const padded = space(length)
  padded.set(octets, length - octets.length)
  return padded
}
