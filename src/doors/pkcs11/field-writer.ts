// Writes the fields of an answer, in p11-kit's form: see field-reader.ts.
import { space, utf8, wipe } from '../../bytes.ts'
import { type AttributeValue, lengthOf } from './attributes.ts'
import { UNAVAILABLE } from './codes.ts'

const USUAL = 512
const ABSENT = 0xffff_ffff
const PADDING = 0x20

export class FieldWriter {
  #octets = space(USUAL)
  #view = new DataView(this.#octets.buffer)
  #at = 0

  /** A view of all that was written. */
  get written(): Uint8Array {
    return this.#octets.subarray(0, this.#at)
  }

  byte(value: number): this {
    const at = this.#next(1)
    this.#view.setUint8(at, value)
    return this
  }

  uint32(value: number): this {
    const at = this.#next(4)
    this.#view.setUint32(at, value)
    return this
  }

  ulong(value: number): this {
    const at = this.#next(8)
    this.#view.setBigUint64(at, value === UNAVAILABLE ? 0xffff_ffff_ffff_ffffn : BigInt(value))
    return this
  }

  octets(value: Uint8Array): this {
    this.uint32(value.length)
    const at = this.#next(value.length)
    this.#octets.set(value, at)
    return this
  }

  /** `v` */
  version(major: number, minor: number): this {
    return this.byte(major).byte(minor)
  }

  /** `s`: padded with spaces; whole characters only. */
  text(text: string, length: number): this {
    let octets = utf8(text)
    for (let shorter = text; octets.length > length; octets = utf8(shorter)) shorter = shorter.slice(0, -1)
    const field = space(length).fill(PADDING)
    field.set(octets)
    return this.octets(field)
  }

  /** `ay` */
  byteArray(value: Uint8Array): this {
    return this.byte(1).octets(value)
  }

  /** `ay` or `au` where there is no room for more than the length. */
  lengthOnly(length: number): this {
    return this.byte(0).uint32(length)
  }

  /** `au` */
  ulongs(values: readonly number[], room: number): this {
    if (values.length > room) return this.lengthOnly(values.length)
    this.byte(1).uint32(values.length)
    for (const value of values) this.ulong(value)
    return this
  }

  /** One of `aA`; without a value where the object has none, or does not show it. */
  attribute(type: number, value: AttributeValue | undefined, room: number): this {
    this.uint32(type)
    if (value === undefined) return this.byte(0)
    this.byte(1).uint32(lengthOf(value))
    if (typeof value === 'boolean') return this.byte(value ? 1 : 0)
    if (typeof value === 'number') return this.ulong(value)
    return room < value.length ? this.uint32(ABSENT) : this.octets(value)
  }

  /** Overwrites what was written. */
  clear(): void {
    wipe(this.#octets)
    this.#at = 0
  }

  /** Where so many octets go. They may be in another array from then on. */
  #next(length: number): number {
    const at = this.#at
    this.#at += length
    if (this.#at > this.#octets.length) this.#grow()
    return at
  }

  #grow(): void {
    const larger = space(Math.max(this.#at, 2 * this.#octets.length))
    larger.set(this.#octets)
    wipe(this.#octets)
    this.#octets = larger
    this.#view = new DataView(larger.buffer)
  }
}
