// Octets in tests: from hex digits that may hold spaces, and what damaged versions of them there are.
import { fromHex } from '../../src/bytes.ts'

/** `octets('7C 02 80 00')`. */
export function octets(digits: string): Uint8Array {
  const found = fromHex(digits.replace(/\s/g, ''))
  if (found === undefined) throw new Error(`${digits} is not hex`)
  return found
}

/** `digits` repeated until there are so many octets. */
export const filled = (length: number, octet = 0xa5): Uint8Array => new Uint8Array(length).fill(octet)

/** Every version of `whole` that is cut off somewhere, the empty one first. */
export const truncations = (whole: Uint8Array): Uint8Array[] => Array.from(whole, (_, length) => whole.slice(0, length))

/** `whole` with one octet after it: a harmless one, and those that could begin something. */
export const withTrailer = (whole: Uint8Array): Uint8Array[] =>
  [0x00, 0x01, 0x30, 0x80, 0xff].map((octet) => Uint8Array.of(...whole, octet))
