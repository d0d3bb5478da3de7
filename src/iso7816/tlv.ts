// BER-TLV as smart cards use it: ISO/IEC 7816-4:2020, 6.3, up to 65535 octets. Written in DER (ISO/IEC 8825-1) always.
import { space } from '../bytes.ts'

/** Malformed octets. The message never contains the octets, which may be secret. */
export class TlvError extends Error {
  override name = 'TlvError'
}

/** What `read` makes of octets; undefined in place of TlvError. */
export function ifWellFormed<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof TlvError) return undefined
    throw error
  }
}

export interface Tlv {
  /** The tag's one to three octets as a number: 0x53, 0x7f49, 0x5fc102. */
  readonly tag: number
  /** A view of the input, not a copy. */
  readonly value: Uint8Array
}

const LONGEST = 0xffff

/**
 * Which forms of a length are accepted. `DER`: only the shortest, as in certificates. `BER`: also 81 to 84 with leading
 * zeros, which ISO/IEC 7816-4, 5.2.2.2 allows cards and hosts for every number, and which some always write.
 */
export type LengthRule = 'DER' | 'BER'

/** Octets of the number after 81, 82, 83, 84. */
const MOST_LENGTH_OCTETS = { DER: 2, BER: 4 } as const

/** How many octets the tag at `at` has. ISO/IEC 7816-4, table 7: 00 and FF begin no tag; each number has one form. */
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

function toNumber(octets: Uint8Array, from: number, to: number): number {
  let number = 0
  for (let at = from; at < to; at += 1) number = (number << 8) | (octets[at] ?? 0)
  return number
}

/** Reads data objects one after the other. It makes no objects: only numbers, and a view where `value` is asked for. */
export class TlvReader {
  /** The data object that was read last: its tag, and where its value is. */
  tag = 0
  start = 0
  end = 0
  readonly #octets: Uint8Array
  readonly #rule: LengthRule

  constructor(octets: Uint8Array, rule: LengthRule) {
    this.#octets = octets
    this.#rule = rule
  }

  /** A view of the input, not a copy. */
  get value(): Uint8Array {
    return this.#octets.subarray(this.start, this.end)
  }

  /** Goes to the next data object; false at the end of the octets. @throws TlvError */
  next(): boolean {
    const octets = this.#octets
    const at = this.end
    if (at >= octets.length) return false
    const tagEnd = at + tagLength(octets, at)
    const start = tagEnd + lengthLength(octets, tagEnd, this.#rule)
    const end = start + lengthAt(octets, tagEnd, start)
    if (end > octets.length) throw new TlvError(`the value at octet ${start} is cut off`)
    this.tag = toNumber(octets, at, tagEnd)
    this.start = start
    this.end = end
    return true
  }

  /** As `next`, but skips zeros, and is false also where no data object follows. Never throws. */
  nextReadable(): boolean {
    while (this.#octets[this.end] === 0x00) this.end += 1
    try {
      return this.next()
    } catch (error) {
      if (error instanceof TlvError) return false
      throw error
    }
  }
}

/** How many octets the length at `at` has. */
function lengthLength(octets: Uint8Array, at: number, rule: LengthRule): number {
  const first = octets[at]
  if (first === undefined) throw new TlvError('the octets end before a length')
  if (first < 0x80) return 1
  const count = first - 0x80
  if (count < 1 || count > MOST_LENGTH_OCTETS[rule]) {
    throw new TlvError(`the length at octet ${at} has no form that is known here`)
  }
  if (at + 1 + count > octets.length) throw new TlvError('the octets end within a length')
  if (rule === 'DER' && lengthAt(octets, at, at + 1 + count) < (count === 1 ? 0x80 : 0x100)) {
    throw new TlvError(`the length at octet ${at} is not in its shortest form`)
  }
  return 1 + count
}

/** The length encoded from `at` to `end`. */
const lengthAt = (octets: Uint8Array, at: number, end: number): number =>
  toNumber(octets, end === at + 1 ? at : at + 1, end) >>> 0

/**
 * All data objects in `octets`, one after the other; none for no octets. The contents of constructed ones are not read.
 * @throws TlvError
 */
export function readTlvs(octets: Uint8Array, rule: LengthRule = 'DER'): Tlv[] {
  const found: Tlv[] = []
  const reader = new TlvReader(octets, rule)
  while (reader.next()) found.push({ tag: reader.tag, value: reader.value })
  return found
}

/**
 * The data objects at the beginning of `octets`, up to the first malformed one. Zeros between them mean nothing (ISO/IEC
 * 7816-4, 6.3): erasing leaves them. Never throws: for the contents of other makers' cards.
 */
export function readableTlvs(octets: Uint8Array): Tlv[] {
  const found: Tlv[] = []
  const reader = new TlvReader(octets, 'BER')
  while (reader.nextReadable()) found.push({ tag: reader.tag, value: reader.value })
  return found
}

/**
 * The single data object in `octets`.
 * @throws TlvError, also for octets after it
 */
export function readTlv(octets: Uint8Array, rule: LengthRule = 'DER'): Tlv {
  const { tag, value } = readOnly(octets, rule)
  return { tag, value }
}

/**
 * The value of the single data object in `octets`, which must have the tag `tag`.
 * @throws TlvError
 */
export function unwrap(octets: Uint8Array, tag: number, rule: LengthRule = 'DER'): Uint8Array {
  const only = readOnly(octets, rule)
  if (only.tag !== tag) throw new TlvError(`tag ${only.tag.toString(16)} stands where ${tag.toString(16)} should`)
  return only.value
}

/** A reader at the single data object in `octets`. */
function readOnly(octets: Uint8Array, rule: LengthRule): TlvReader {
  const reader = new TlvReader(octets, rule)
  if (!reader.next()) throw new TlvError('there is no data object')
  if (reader.end < octets.length) throw new TlvError('there are octets after the data object')
  return reader
}

/** The value of the first data object with that tag. */
export function find(tlvs: readonly Tlv[], tag: number): Uint8Array | undefined {
  return tlvs.find((candidate) => candidate.tag === tag)?.value
}

/** The least number of octets for a number. */
const octetsOf = (number: number): number => (number > 0xffff ? 3 : number > 0xff ? 2 : 1)

/** Octets of a data object with a value of `length` octets. @throws RangeError for more than 65535 of these */
export function tlvSize(tag: number, length: number): number {
  if (length > LONGEST) throw new RangeError(`A value of ${length} octets is too long for a data object here.`)
  return octetsOf(tag) + (length < 0x80 ? 1 : 1 + octetsOf(length)) + length
}

/** Writes a tag and a length; returns where the value begins. @throws RangeError for an invalid tag */
export function putTagAndLength(octets: Uint8Array, at: number, tag: number, length: number): number {
  const next = put(octets, at, tag, octetsOf(tag))
  if (!isTag(octets, at, next) || tag !== toNumber(octets, at, next))
    throw new RangeError(`${tag.toString(16)} is not a tag.`)
  if (length < 0x80) return put(octets, next, length, 1)
  return put(octets, put(octets, next, 0x80 | octetsOf(length), 1), length, octetsOf(length))
}

/** Writes a data object; returns where the next one begins. @throws RangeError for an invalid tag */
export function putTlv(octets: Uint8Array, at: number, tag: number, value: Uint8Array): number {
  const start = putTagAndLength(octets, at, tag, value.length)
  octets.set(value, start)
  return start + value.length
}

/** Writes a number in so many octets, highest first; returns where the next one goes. */
function put(octets: Uint8Array, at: number, number: number, size: number): number {
  for (let left = size - 1; left >= 0; left -= 1) octets[at + size - 1 - left] = number >>> (8 * left)
  return at + size
}

function isTag(octets: Uint8Array, at: number, end: number): boolean {
  try {
    return tagLength(octets, at) === end - at
  } catch {
    return false
  }
}

/**
 * A data object with `values` one after the other as its value, in memory of its own: it may contain a secret.
 * @throws RangeError for an invalid tag, and for more than 65535 octets: mistakes of the program, not of its input
 */
export function tlv(tag: number, ...values: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const value of values) length += value.length
  const octets = space(tlvSize(tag, length))
  let at = putTagAndLength(octets, 0, tag, length)
  for (const value of values) {
    octets.set(value, at)
    at += value.length
  }
  return octets
}
