// BER-TLV as smart cards use it: ISO/IEC 7816-4:2020, 6.3, up to 65535 octets. Written in DER (ISO/IEC 8825-1) always.
import { isUint8Array } from 'node:util/types'
import { space } from '../bytes.ts'

/** Octets that are not what they should be. The message never holds content, which may be secret. */
export class TlvError extends Error {
  override name = 'TlvError'
}

export interface Tlv {
  /** The tag's one to three octets as a number: 0x53, 0x7f49, 0x5fc102. */
  readonly tag: number
  /** A view of the octets that were read, not a copy. */
  readonly value: Uint8Array
}

const LONGEST = 0xffff

/**
 * How a length may be written that is read. `DER`: in its shortest form, as in certificates. `BER`: also in 81 to 84 with
 * leading zeros, which ISO/IEC 7816-4, 5.2.2.2 allows cards and hosts for every number, and which some always write.
 */
export type LengthRule = 'DER' | 'BER'

/** Octets of the number after 81, 82, 83, 84. */
const MOST_LENGTH_OCTETS = { DER: 2, BER: 4 } as const

/** How many octets the tag at `at` has. ISO/IEC 7816-4, table 7: 00 and FF begin no tag; one way to write each number. */
function tagLength(octets: Uint8Array, at: number): number {
  const first = octets[at]
  if (first === undefined) throw new TlvError('a tag is missing')
  if (first === 0x00 || first === 0xff) throw new TlvError(`octet ${at} begins no tag`)
  if ((first & 0x1f) !== 0x1f) return 1
  const [second, third] = [octets[at + 1], octets[at + 2]]
  if (second === undefined) throw new TlvError('the octets end within a tag')
  if (second < 0x1f || second === 0x80) throw new TlvError(`the tag at octet ${at} is not in its shortest form`)
  if (second < 0x80) return 2
  if (third === undefined) throw new TlvError('the octets end within a tag')
  if (third >= 0x80) throw new TlvError(`the tag at octet ${at} has more than three octets`)
  return 3
}

/** The length at `at`, and where the value begins. */
function readLength(octets: Uint8Array, at: number, rule: LengthRule): readonly [length: number, start: number] {
  const first = octets[at]
  if (first === undefined) throw new TlvError('the octets end before a length')
  if (first < 0x80) return [first, at + 1]
  const count = first - 0x80
  if (count < 1 || count > MOST_LENGTH_OCTETS[rule]) {
    throw new TlvError(`the length at octet ${at} has no form that is known here`)
  }
  const start = at + 1 + count
  if (start > octets.length) throw new TlvError('the octets end within a length')
  const length = toNumber(octets, at + 1, start) >>> 0
  if (rule === 'DER' && length < (count === 1 ? 0x80 : 0x100)) {
    throw new TlvError(`the length at octet ${at} is not in its shortest form`)
  }
  return [length, start]
}

function toNumber(octets: Uint8Array, from: number, to: number): number {
  let number = 0
  for (let at = from; at < to; at += 1) number = (number << 8) | (octets[at] ?? 0)
  return number
}

/** The data object at `at`, and where it ends. */
function readAt(octets: Uint8Array, at: number, rule: LengthRule): Tlv & { readonly end: number } {
  const tagEnd = at + tagLength(octets, at)
  const [length, start] = readLength(octets, tagEnd, rule)
  const end = start + length
  if (end > octets.length) throw new TlvError(`the value at octet ${start} is cut off`)
  return { tag: toNumber(octets, at, tagEnd), value: octets.subarray(start, end), end }
}

/**
 * All data objects that `octets` hold one after the other; none when there are no octets. What is inside a constructed
 * one is not looked at.
 * @throws TlvError
 */
export function readTlvs(octets: Uint8Array, rule: LengthRule = 'DER'): Tlv[] {
  const found: Tlv[] = []
  for (let at = 0; at < octets.length; ) {
    const { tag, value, end } = readAt(octets, at, rule)
    found.push({ tag, value })
    at = end
  }
  return found
}

/**
 * The data objects at the beginning of `octets`, up to what is none. Noughts between them mean nothing (ISO/IEC 7816-4,
 * 6.3): they are left by what was erased. Never throws: for what other makers' cards hold.
 */
export function readableTlvs(octets: Uint8Array): Tlv[] {
  const found: Tlv[] = []
  for (let at = 0; at < octets.length; ) {
    if (octets[at] === 0x00) {
      at += 1
      continue
    }
    try {
      const { tag, value, end } = readAt(octets, at, 'BER')
      found.push({ tag, value })
      at = end
    } catch (error) {
      if (error instanceof TlvError) return found
      throw error
    }
  }
  return found
}

/**
 * The one data object that `octets` hold.
 * @throws TlvError, also for octets after it
 */
export function readTlv(octets: Uint8Array, rule: LengthRule = 'DER'): Tlv {
  const found = readTlvs(octets, rule)
  const [only] = found
  if (only === undefined) throw new TlvError('there is no data object')
  if (found.length > 1) throw new TlvError('there are octets after the data object')
  return only
}

/**
 * The value of the one data object that `octets` hold, which must have the tag `tag`.
 * @throws TlvError
 */
export function unwrap(octets: Uint8Array, tag: number, rule: LengthRule = 'DER'): Uint8Array {
  const only = readTlv(octets, rule)
  if (only.tag !== tag) throw new TlvError(`tag ${only.tag.toString(16)} stands where ${tag.toString(16)} should`)
  return only.value
}

/** The value of the first data object with that tag. */
export function find(tlvs: readonly Tlv[], tag: number): Uint8Array | undefined {
  return tlvs.find((candidate) => candidate.tag === tag)?.value
}

/** How many octets a number takes, none to spare. */
const octetsOf = (number: number): number => (number > 0xffff ? 3 : number > 0xff ? 2 : 1)

/** A data object that is still to be written, into that of which it is a part: it has no octets of its own. */
export interface TlvPart {
  readonly tag: number
  readonly values: readonly TlvValue[]
  /** Octets of the value, and of the whole. */
  readonly length: number
  readonly size: number
}

export type TlvValue = Uint8Array | TlvPart

/** @throws RangeError for more than 65535 octets */
export function tlvPart(tag: number, ...values: readonly TlvValue[]): TlvPart {
  let length = 0
  for (const value of values) length += isUint8Array(value) ? value.length : value.size
  if (length > LONGEST) throw new RangeError(`A value of ${length} octets is too long for a data object here.`)
  const size = octetsOf(tag) + (length < 0x80 ? 1 : 1 + octetsOf(length)) + length
  return { tag, values, length, size }
}

/** Writes a data object; answers where the next octet goes. @throws RangeError for what is no tag */
function putPart(octets: Uint8Array, at: number, { tag, values, length }: TlvPart): number {
  let next = put(octets, at, tag, octetsOf(tag))
  if (!isTag(octets.subarray(at, next)) || tag !== toNumber(octets, at, next)) {
    throw new RangeError(`${tag.toString(16)} is no tag.`)
  }
  if (length >= 0x80) next = put(octets, next, 0x80 | octetsOf(length), 1)
  next = put(octets, next, length, octetsOf(length))
  for (const value of values) {
    if (isUint8Array(value)) {
      octets.set(value, next)
      next += value.length
    } else next = putPart(octets, next, value)
  }
  return next
}

/** Writes a number in so many octets, highest first; answers where the next one goes. */
function put(octets: Uint8Array, at: number, number: number, size: number): number {
  for (let left = size - 1; left >= 0; left -= 1) octets[at + size - 1 - left] = number >>> (8 * left)
  return at + size
}

function isTag(octets: Uint8Array): boolean {
  try {
    return tagLength(octets, 0) === octets.length
  } catch {
    return false
  }
}

/**
 * A data object with `values` one after the other as its value, in memory of its own: it may hold a secret.
 * @throws RangeError for what is no tag, and for more than 65535 octets: mistakes of the program, not of its input
 */
export function tlv(tag: number, ...values: readonly TlvValue[]): Uint8Array {
  const part = tlvPart(tag, ...values)
  const octets = space(part.size)
  putPart(octets, 0, part)
  return octets
}
