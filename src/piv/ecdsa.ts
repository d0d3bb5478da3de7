// ECDSA signatures in their two forms. RFC 3279, 2.2.3 (DER); IEEE P1363 (r || s).
import { concat, leftPad } from '../bytes.ts'
import { readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { DER, integerPart } from './der.ts'

/** DER of r || s, two numbers of the same length. */
export function ecdsaToDer(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2
  return tlv(DER.sequence, integerPart(raw.subarray(0, half)), integerPart(raw.subarray(half)))
}

/** The digits of a DER INTEGER that is not negative, in its shortest form (X.690, 8.3). */
function magnitude(value: Uint8Array): Uint8Array {
  const [first, second] = value
  if (first === undefined || first >= 0x80 || (first === 0 && second !== undefined && second < 0x80)) {
    throw new TlvError('a number of the signature is none')
  }
  return first === 0 ? value.subarray(1) : value
}

/** r || s, each of `octets` octets, of a signature in DER. @throws TlvError */
export function ecdsaToRaw(der: Uint8Array, octets: number): Uint8Array {
  const numbers = readTlvs(unwrap(der, DER.sequence)).map(({ tag, value }) => {
    const number = magnitude(value)
    if (tag !== DER.integer || number.length > octets) throw new TlvError('the signature is none')
    return leftPad(number, octets)
  })
  if (numbers.length !== 2) throw new TlvError('the signature is none')
  return concat(...numbers)
}
