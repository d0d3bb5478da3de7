// The few elements of DER that keys and signatures are written in. ITU-T X.690, 8 and 10.
import { type TlvPart, tlv, tlvPart } from '../iso7816/tlv.ts'

export const DER = { integer: 0x02, octetString: 0x04, null: 0x05, oid: 0x06, sequence: 0x30 } as const

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
