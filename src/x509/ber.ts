// Converts BER to DER, as far as lengths and octet strings in pieces are concerned: some programs write PKCS#7 and
// PKCS#12 this way. X.690, 8.1.3 and 8.7.3.
import { concat } from '../bytes.ts'
import { DER, element as write } from '../iso7816/der.ts'
import { TlvError } from '../iso7816/tlv.ts'

const OCTETS = DER.octetString
const CONSTRUCTED = 0x20
const DEEPEST = 24

/** The only element in `octets`, in DER. @throws TlvError */
export function toDer(octets: Uint8Array): Uint8Array {
  const { der, end } = element(octets, 0, 0)
  if (end !== octets.length) throw new TlvError('there are octets after the element')
  return der
}

/** The first element of `octets`, unchanged; others after it are ignored. @throws TlvError */
export function firstElement(octets: Uint8Array): Uint8Array {
  const [, first] = octets
  if (first === undefined) throw new TlvError('there is no element')
  return octets.subarray(0, first === 0x80 ? element(octets, 0, 0).end : definite(octets, 1, first)[1])
}

interface Read {
  readonly der: Uint8Array
  readonly end: number
}

function element(octets: Uint8Array, at: number, depth: number): Read {
  if (depth > DEEPEST) throw new TlvError('it is nested too deeply')
  const [tag = 0, first] = octets.subarray(at, at + 2)
  if (first === undefined || (tag & 0x1f) === 0x1f || tag === 0) throw new TlvError(`octet ${at} begins no element`)
  const constructed = (tag & CONSTRUCTED) !== 0
  if (first === 0x80) {
    if (!constructed) throw new TlvError('an element without parts has no end')
    const { parts, end } = untilEnd(octets, at + 2, depth)
    return { der: whole(tag, parts), end }
  }
  const [start, end] = definite(octets, at + 1, first)
  return {
    der: constructed ? whole(tag, inside(octets, start, end, depth)) : write(tag, octets.subarray(start, end)),
    end,
  }
}

function definite(octets: Uint8Array, at: number, first: number): readonly [start: number, end: number] {
  const count = first < 0x80 ? 0 : first & 0x7f
  const start = at + 1 + count
  const digits = octets.subarray(at + 1, start)
  if (count > 4 || digits.length < count) throw new TlvError(`the length at octet ${at} is none`)
  const length = count === 0 ? first : digits.reduce((sum, octet) => sum * 256 + octet, 0)
  if (start + length > octets.length) throw new TlvError(`the value at octet ${start} is cut off`)
  return [start, start + length]
}

function inside(octets: Uint8Array, start: number, end: number, depth: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = start; at < end; ) {
    const part = element(octets.subarray(0, end), at, depth + 1)
    parts.push(part.der)
    at = part.end
  }
  return parts
}

/** Parts up to the two zeros that end them. */
function untilEnd(octets: Uint8Array, start: number, depth: number): { parts: Uint8Array[]; end: number } {
  const parts: Uint8Array[] = []
  for (let at = start; ; ) {
    if (octets[at] === 0x00 && octets[at + 1] === 0x00) return { parts, end: at + 2 }
    const part = element(octets, at, depth + 1)
    parts.push(part.der)
    at = part.end
  }
}

/** Joins an octet string in pieces. The pieces are already in DER, so their lengths are definite. */
function whole(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  if (tag !== (OCTETS | CONSTRUCTED)) return write(tag, ...parts)
  return write(OCTETS, ...parts.map((part) => content(part)))
}

function content(part: Uint8Array): Uint8Array {
  if (part[0] !== OCTETS) throw new TlvError('an octet string has a piece that is none')
  const first = part[1] ?? 0
  return concat(part.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f)))
}
