// DER, the encoding of keys, signatures and certificates. ITU-T X.690, 8 and 10.
import { concat, space } from '../bytes.ts'
import { putTagAndLength, tlv, tlvSize } from './tlv.ts'

/** Tags. X.680, 8.4. */
export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmp: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** Context-specific tags by number: one for a part that contains an element, one for a part that contains octets. */
export const field = (number: number): number => 0xa0 | number
export const octetField = (number: number): number => 0x80 | number

const ZERO = new Uint8Array(1)

/** Where the number in octets `from` to `to` begins, without leading zeros. */
export function numberStart(octets: Uint8Array, from: number, to: number): number {
  let start = from
  while (start < to - 1 && octets[start] === 0) start += 1
  return start
}

/** Octets of the value of a non-negative INTEGER: at least one, and one more where the sign bit would be set. */
const integerLength = (octets: Uint8Array, start: number, to: number): number =>
  Math.max(to - start, 1) + ((octets[start] ?? 0) >>> 7)

/** Octets of the INTEGER of the number from `start`, which `numberStart` found, to `to`. */
export const integerSize = (octets: Uint8Array, start: number, to: number): number =>
  tlvSize(DER.integer, integerLength(octets, start, to))

/** Writes that INTEGER into `target`; returns where the next element begins. */
export function putInteger(target: Uint8Array, at: number, octets: Uint8Array, start: number, to: number): number {
  const length = integerLength(octets, start, to)
  const end = putTagAndLength(target, at, DER.integer, length) + length
  for (let left = 1; left <= to - start; left += 1) target[end - left] = octets[to - left] ?? 0
  return end
}

/** A non-negative INTEGER, by itself. */
export function integer(number: Uint8Array): Uint8Array {
  const start = numberStart(number, 0, number.length)
  const octets = space(integerSize(number, start, number.length))
  putInteger(octets, 0, number, start, number.length)
  return octets
}

/**
 * An element of any length: a revocation list is longer than anything a card takes. The values may be secret: no copy is
 * made but the element.
 */
export function element(tag: number, ...values: readonly Uint8Array[]): Uint8Array {
  const size = values.reduce((sum, value) => sum + value.length, 0)
  if (size <= 0xffff) return tlv(tag, ...values)
  const length = size > 0xffffff ? 4 : 3
  const digits = Array.from({ length }, (_, at) => (size >>> (8 * (length - 1 - at))) & 0xff)
  return concat(Uint8Array.of(tag, 0x80 | length, ...digits), ...values)
}

/** A BIT STRING of whole octets. */
export const bits = (octets: Uint8Array): Uint8Array => element(DER.bitString, ZERO, octets)
