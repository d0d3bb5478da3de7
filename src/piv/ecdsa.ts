// ECDSA signatures in their two forms. RFC 3279, 2.2.3 (DER); IEEE P1363 (r || s).
import { concat, leftPad, space } from '../bytes.ts'
import { DER, integer, integerSize, numberStart, putInteger } from '../iso7816/der.ts'
import { putTagAndLength, readableTlvs, readTlvs, TlvError, tlv, tlvSize } from '../iso7816/tlv.ts'

/** DER of r || s, two numbers of the same length. */
export function ecdsaToDer(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2
  const r = numberStart(raw, 0, half)
  const s = numberStart(raw, half, raw.length)
  const length = integerSize(raw, r, half) + integerSize(raw, s, raw.length)
  const der = space(tlvSize(DER.sequence, length))
  const at = putTagAndLength(der, 0, DER.sequence, length)
  putInteger(der, putInteger(der, at, raw, r, half), raw, s, raw.length)
  return der
}

/** r and s, without leading zeros. Some cards write more of these than DER allows, and longer lengths. */
function numbersOf(der: Uint8Array): readonly [r: Uint8Array, s: Uint8Array] {
  const [sequence] = readableTlvs(der)
  const [r, s, ...others] = sequence?.tag === DER.sequence ? readTlvs(sequence.value, 'BER') : []
  if (r?.tag !== DER.integer || s?.tag !== DER.integer || others.length > 0)
    throw new TlvError('the signature is malformed')
  return [magnitude(r.value), magnitude(s.value)]
}

function magnitude(value: Uint8Array): Uint8Array {
  if ((value[0] ?? 0x80) >= 0x80) throw new TlvError('a number of the signature is malformed')
  return value.subarray(
    Math.max(
      value.findIndex((octet) => octet !== 0),
      0,
    ),
  )
}

/** r || s, each of `octets` octets, from a signature made by a card. @throws TlvError */
export function ecdsaToRaw(der: Uint8Array, octets: number): Uint8Array {
  const numbers = numbersOf(der)
  if (numbers.some(({ length }) => length > octets)) throw new TlvError('the signature is malformed')
  return concat(...numbers.map((number) => leftPad(number, octets)))
}

/** The same in strict DER, which every program accepts: a copy. @throws TlvError */
export const ecdsaInDer = (signature: Uint8Array): Uint8Array =>
  isInDer(signature) ? signature.slice() : tlv(DER.sequence, ...numbersOf(signature).map(integer))

/** Nearly every signature is strict DER already: this is checked without allocating anything. */
function isInDer(signature: Uint8Array): boolean {
  const second = 4 + (signature[3] ?? 0)
  const fits = signature[1] === signature.length - 2 && signature.length < 0x80
  const isWhole = second + 2 + (signature[second + 1] ?? 0) === signature.length
  if (!fits || !isWhole || signature[0] !== DER.sequence) return false
  return isInteger(signature, 2) && isInteger(signature, second)
}

function isInteger(octets: Uint8Array, at: number): boolean {
  const length = octets[at + 1] ?? 0
  const first = octets[at + 2] ?? 0xff
  const hasNought = first === 0 && length > 1
  return octets[at] === DER.integer && length > 0 && first < 0x80 && (!hasNought || (octets[at + 3] ?? 0x80) >= 0x80)
}
