// Converts BER to DER, as far as lengths and octet strings in pieces are concerned: some programs write PKCS#7 and
// PKCS#12 this way. X.690, 8.1.3 and 8.7.3. Private keys are read so too: whatever is made on the way is wiped.
import { wipe } from '../bytes.ts'
import { DER, element as write } from '../iso7816/der.ts'
import { TlvError } from '../iso7816/tlv.ts'

const OCTETS = DER.octetString
const CONSTRUCTED = 0x20
const DEEPEST = 24

/** The only element in `octets`, in DER, for the caller to wipe. @throws TlvError */
export function toDer(octets: Uint8Array): Uint8Array {
  const { der, end } = element(octets, 0, 0)
  if (end === octets.length) return der
  wipe(der)
  throw new TlvError('there are octets after the element')
}

/** The first element of `octets`, unchanged; others after it are ignored. @throws TlvError */
export function firstElement(octets: Uint8Array): Uint8Array {
  const [, first] = octets
  if (first === undefined) throw new TlvError('there is no element')
  if (first !== 0x80) return octets.subarray(0, definite(octets, 1, first)[1])
  const { der, end } = element(octets, 0, 0)
  wipe(der)
  return octets.subarray(0, end)
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
  const parts: Uint8Array[] = []
  try {
    if (first === 0x80) {
      if (!constructed) throw new TlvError('an element without parts has no end')
      const end = untilEnd(octets, at + 2, depth, parts)
      return { der: whole(tag, parts), end }
    }
    const [start, end] = definite(octets, at + 1, first)
    if (!constructed) return { der: write(tag, octets.subarray(start, end)), end }
    inside(octets.subarray(0, end), start, depth, parts)
    return { der: whole(tag, parts), end }
  } finally {
    wipe(...parts)
  }
}

function definite(octets: Uint8Array, at: number, first: number): readonly [start: number, end: number] {
  const count = first < 0x80 ? 0 : first & 0x7f
  const start = at + 1 + count
  const digits = octets.subarray(at + 1, start)
  if (count > 4 || digits.length < count) throw new TlvError(`the length at octet ${at} is malformed`)
  const length = count === 0 ? first : digits.reduce((sum, octet) => sum * 256 + octet, 0)
  if (start + length > octets.length) throw new TlvError(`the value at octet ${start} is cut off`)
  return [start, start + length]
}

/** Reads the parts up to the end of the octets into `parts`. */
function inside(octets: Uint8Array, start: number, depth: number, parts: Uint8Array[]): void {
  for (let at = start; at < octets.length; ) {
    const { der, end } = element(octets, at, depth + 1)
    parts.push(der)
    at = end
  }
}

/** Reads the parts up to the two zeros that end them into `parts`; returns where the next element begins. */
function untilEnd(octets: Uint8Array, start: number, depth: number, parts: Uint8Array[]): number {
  for (let at = start; ; ) {
    if (octets[at] === 0x00 && octets[at + 1] === 0x00) return at + 2
    const { der, end } = element(octets, at, depth + 1)
    parts.push(der)
    at = end
  }
}

/** Joins an octet string in pieces. The pieces are already in DER, so their lengths are definite. */
const whole = (tag: number, parts: readonly Uint8Array[]): Uint8Array =>
  tag === (OCTETS | CONSTRUCTED) ? write(OCTETS, ...parts.map(content)) : write(tag, ...parts)

/** A view of the octets in a piece. */
function content(part: Uint8Array): Uint8Array {
  if (part[0] !== OCTETS) throw new TlvError('an octet string has a piece of another kind')
  const first = part[1] ?? 0
  return part.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f))
}
