// DER, as keys, signatures and certificates are written in. ITU-T X.690, 8 and 10.
import { concat } from '../bytes.ts'
import { type TlvPart, tlv, tlvPart } from './tlv.ts'

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

/** The tag of a part that is named by its number: one that holds an element, and one that holds octets. */
export const field = (number: number): number => 0xa0 | number
export const octetField = (number: number): number => 0x80 | number

const ZERO = new Uint8Array(1)

/** A number that is not negative, inside another element: no more octets than needed, and no sign bit set. */
export function integerPart(number: Uint8Array): TlvPart {
  let start = 0
  while (start < number.length - 1 && number[start] === 0) start += 1
  const value = number.length === 0 ? ZERO : number.subarray(start)
  return (value[0] ?? 0) < 0x80 ? tlvPart(DER.integer, value) : tlvPart(DER.integer, ZERO, value)
}

/** The same by itself. */
export const integer = (number: Uint8Array): Uint8Array => tlv(DER.integer, ...integerPart(number).values)

/** An element of any length: a list of revoked certificates is longer than what a card takes. */
export function element(tag: number, ...values: readonly Uint8Array[]): Uint8Array {
  const value = concat(...values)
  if (value.length <= 0xffff) return tlv(tag, value)
  const length = value.length > 0xffffff ? 4 : 3
  const digits = Array.from({ length }, (_, at) => (value.length >>> (8 * (length - 1 - at))) & 0xff)
  return concat(Uint8Array.of(tag, 0x80 | length, ...digits), value)
}

/** A BIT STRING of whole octets. */
export const bits = (octets: Uint8Array): Uint8Array => element(DER.bitString, ZERO, octets)
