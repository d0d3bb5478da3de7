// CBOR, RFC 8949, in its deterministic form (4.2.1), as far as WebAuthn needs it.
import { isMap, isUint8Array } from 'node:util/types'
import { concat, utf8 } from '../bytes.ts'

export type Cbor = number | string | Uint8Array | readonly Cbor[] | ReadonlyMap<number | string, Cbor>

function head(major: number, value: number): Uint8Array {
  if (value < 24) return Uint8Array.of((major << 5) | value)
  if (value <= 0xff) return Uint8Array.of((major << 5) | 24, value)
  if (value <= 0xffff) return Uint8Array.of((major << 5) | 25, value >> 8, value)
  return Uint8Array.of((major << 5) | 26, value >>> 24, value >>> 16, value >>> 8, value)
}

/** Maps are written in the order in which they are: the caller gives the one that is wanted. */
export function writeCbor(value: Cbor): Uint8Array {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return concat(head(3, utf8(value).length), utf8(value))
  if (isUint8Array(value)) return concat(head(2, value.length), value)
  if (isMap(value)) {
    const members = [...(value as ReadonlyMap<number | string, Cbor>)].flatMap((pair) => pair.map(writeCbor))
    return concat(head(5, value.size), ...members)
  }
  const items = value as readonly Cbor[]
  return concat(head(4, items.length), ...items.map(writeCbor))
}
