// Object identifiers: dotted digits and the content of their DER. X.690, 8.19. Arcs may exceed the range in which
// JavaScript's numbers are exact: those under 2.25 are UUIDs (X.667).
import { DER } from '../iso7816/der.ts'
import { TlvError, tlv } from '../iso7816/tlv.ts'

/** Most octets of an identifier, and most digits of an arc: a UUID has 39. */
const LONGEST = 128
const ARC = '(?:0|[1-9][0-9]{0,38})'
const IDENTIFIER = new RegExp(`^[0-2](?:\\.${ARC}){1,40}$`)

/** Undefined for anything but an object identifier. */
export function oidOctets(text: string): Uint8Array | undefined {
  if (!IDENTIFIER.test(text)) return undefined
  const [first = 0n, second = 0n, ...rest] = text.split('.').map(BigInt)
  if (first < 2n && second > 39n) return undefined
  return Uint8Array.from([40n * first + second, ...rest].flatMap(base128))
}

function base128(arc: bigint): number[] {
  const digits = [Number(arc & 0x7fn)]
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) digits.unshift(0x80 | Number(rest & 0x7fn))
  return digits
}

/** An object identifier in DER; `text` is a constant of this program and known to be valid. */
export const oid = (text: string): Uint8Array => tlv(DER.oid, oidOctets(text) ?? new Uint8Array(0))

/** An object identifier (the content of its DER) in dotted digits. @throws TlvError for a malformed one */
export function dotted(octets: Uint8Array): string {
  if (octets.length === 0 || octets.length > LONGEST || (octets.at(-1) ?? 0) >= 0x80)
    throw new TlvError('an object identifier is malformed')
  const arcs: bigint[] = []
  let arc = 0n
  for (const octet of octets) {
    arc = (arc << 7n) | BigInt(octet & 0x7f)
    if (octet < 0x80) {
      arcs.push(arc)
      arc = 0n
    }
  }
  const [head = 0n, ...rest] = arcs
  const first = head >= 80n ? 2n : head / 40n
  return [first, head - 40n * first, ...rest].join('.')
}
