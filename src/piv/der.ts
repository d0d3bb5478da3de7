// The few elements of DER that keys and signatures are written in. ITU-T X.690, 8 and 10.
import { tlv } from '../iso7816/tlv.ts'

export const DER = { integer: 0x02, octetString: 0x04, null: 0x05, oid: 0x06, sequence: 0x30 } as const

const ZERO = new Uint8Array(1)

/** A number that is not negative: no more octets than needed, and no sign bit set. Nothing is copied on the way. */
export function integer(number: Uint8Array): Uint8Array {
  const start = number.findIndex((octet) => octet !== 0)
  const value = start < 0 ? ZERO : number.subarray(start)
  return (value[0] ?? 0) < 0x80 ? tlv(DER.integer, value) : tlv(DER.integer, ZERO, value)
}
