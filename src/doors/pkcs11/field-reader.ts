// Reads the fields of a request. p11-kit writes numbers with the most significant octet first, a CK_ULONG in eight octets,
// and octets after their length. What is read are views: the request is overwritten once it is answered.
import { type Attribute, type AttributeValue, kindOf, type WantedAttribute } from './attributes.ts'
import { UNAVAILABLE } from './codes.ts'

/** The message does not say what its call says. */
export class MessageError extends Error {
  override name = 'MessageError'
}

/** Length of what is not there: a NULL pointer of the program. */
const ABSENT = 0xffff_ffff
/** Templates inside templates. p11-kit reads no deeper either. */
const DEEPEST = 8
const MOST_ATTRIBUTES = 1024

export class FieldReader {
  readonly #octets: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(octets: Uint8Array) {
    this.#octets = octets
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  }

  get left(): number {
    return this.#octets.length - this.#at
  }

  /** `y` */
  byte(): number {
    return this.#view.getUint8(this.#skip(1))
  }

  uint32(): number {
    return this.#view.getUint32(this.#skip(4))
  }

  /** `u`. One that no number here can be is the largest there is: no handle, flag or length is so large. */
  ulong(): number {
    const value = this.#view.getBigUint64(this.#skip(8))
    if (value === 0xffff_ffff_ffff_ffffn) return UNAVAILABLE
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
  }

  /** A length and so many octets; undefined for a NULL pointer. */
  octets(): Uint8Array | undefined {
    const length = this.uint32()
    if (length === ABSENT) return undefined
    const at = this.#skip(length)
    return this.#octets.subarray(at, at + length)
  }

  /** `ay` */
  byteArray(): Uint8Array | undefined {
    if (this.byte() !== 0) return this.octets()
    this.uint32()
    return undefined
  }

  /** `aA` */
  attributes(depth = 0): Attribute[] {
    return Array.from({ length: this.#count(depth, 5) }, () => this.#attribute(depth))
  }

  /** `fA` */
  wanted(depth = 0): WantedAttribute[] {
    return Array.from({ length: this.#count(depth, 8) }, () => {
      const type = this.uint32()
      const room = this.uint32()
      if (room > 0 && kindOf(type) === 'attributes') this.wanted(depth + 1)
      return { type, room }
    })
  }

  /** Whether these octets come next. They are then read. */
  skips(...expected: readonly number[]): boolean {
    const comes = this.#octets.subarray(this.#at, this.#at + expected.length)
    if (comes.length < expected.length || expected.some((octet, at) => comes[at] !== octet)) return false
    this.#at += expected.length
    return true
  }

  #attribute(depth: number): Attribute {
    const type = this.uint32()
    if (this.byte() === 0) return { type, value: undefined }
    const length = this.uint32()
    return { type, value: this.#value(type, length, depth) }
  }

  #value(type: number, length: number, depth: number): AttributeValue | undefined {
    switch (kindOf(type)) {
      case 'boolean':
        return this.byte() !== 0 && length > 0
      case 'number':
        return this.ulong()
      case 'octets':
        return this.octets() ?? new Uint8Array(0)
      case 'attributes':
        this.attributes(depth + 1)
        return undefined
      case 'numbers':
        for (let count = this.#count(depth, 8); count > 0; count -= 1) this.ulong()
        return undefined
    }
  }

  /** The number of entries of a list, of which each has so many octets at least. @throws MessageError */
  #count(depth: number, least: number): number {
    if (depth > DEEPEST) throw new MessageError('There are templates inside templates, too deep.')
    const count = this.uint32()
    if (count > MOST_ATTRIBUTES || count * least > this.left)
      throw new MessageError('A list is longer than the message.')
    return count
  }

  /** Where so many octets are, which are then read. @throws MessageError */
  #skip(length: number): number {
    if (length > this.left) throw new MessageError('The message ends in the middle of a field.')
    const at = this.#at
    this.#at += length
    return at
  }
}
