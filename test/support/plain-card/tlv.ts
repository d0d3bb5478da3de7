// Data objects as the card of tests reads and writes them: by itself, so that no mistake is made on both sides.
import type { KeyObject } from 'node:crypto'
import { concat } from '../../../src/bytes.ts'
import type { Profile } from './profiles.ts'
import { wants } from './refused.ts'

export interface Part {
  readonly tag: number
  readonly value: Uint8Array
}

/** All there are, up to what is none. */
export function partsOf(octets: Uint8Array): Part[] {
  const parts: Part[] = []
  for (let at = 0; at + 1 < octets.length; ) {
    const two = ((octets[at] ?? 0) & 0x1f) === 0x1f
    const tag = two ? ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0) : (octets[at] ?? 0)
    at += two ? 2 : 1
    const first = octets[at] ?? 0
    const more = first > 0x80 ? first - 0x80 : 0
    let length = more === 0 ? first : 0
    for (let index = 1; index <= more; index += 1) length = length * 256 + (octets[at + index] ?? 0)
    at += 1 + more
    parts.push({ tag, value: octets.slice(at, at + length) })
    at += length
  }
  return parts
}

/** What is inside 7C, by tag. */
export function itemsOf(data: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const [template] = partsOf(data)
  wants(template?.tag === 0x7c, 0x6a80)
  return new Map(partsOf(template.value).map(({ tag, value }) => [tag, value]))
}

export type Write = (tag: number, ...values: readonly Uint8Array[]) => Uint8Array

export function writer(lengths: Profile['lengths']): Write {
  const lengthOf = (number: number): number[] => {
    if (number > 0xff || lengths === '82') return [0x82, number >> 8, number & 0xff]
    return number >= 0x80 || lengths === '81' ? [0x81, number] : [number]
  }
  return (tag, ...values) => {
    const value = concat(...values)
    const tagged = tag > 0xff ? [tag >> 8, tag & 0xff] : [tag]
    return concat(Uint8Array.from([...tagged, ...lengthOf(value.length)]), value)
  }
}

/** 04 || X || Y. */
export function pointOf(key: KeyObject): Uint8Array {
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  return concat(Uint8Array.of(0x04), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url'))
}
