// The parts of a structure in DER, in the order in which ASN.1 names them.
import { DER } from '../iso7816/der.ts'
import { readTlvs, type Tlv, TlvError } from '../iso7816/tlv.ts'
import { dotted } from './oid.ts'

/** Reads a sequence part by part; the caller asks for each part by its tag. */
export class Parts {
  readonly #whole: Uint8Array
  readonly #parts: readonly Tlv[]
  #next = 0

  constructor(whole: Uint8Array) {
    this.#whole = whole
    this.#parts = readTlvs(whole, 'BER')
  }

  /** The value of the next part. @throws TlvError when it has another tag */
  take(tag: number): Uint8Array {
    const value = this.takeIf(tag)
    if (value === undefined) throw new TlvError(`tag ${tag.toString(16)} is missing`)
    return value
  }

  takeIf(tag: number): Uint8Array | undefined {
    const part = this.#parts[this.#next]
    if (part?.tag !== tag) return undefined
    this.#next += 1
    return part.value
  }

  /** An object identifier in dotted digits. */
  takeOid(): string {
    return dotted(this.take(DER.oid))
  }

  /** The whole next part, with its tag and length. */
  takeWhole(tag: number): Uint8Array {
    const start = this.#offset()
    this.take(tag)
    return this.#whole.subarray(start, this.#offset())
  }

  /** All remaining parts. */
  rest(): readonly Tlv[] {
    const left = this.#parts.slice(this.#next)
    this.#next = this.#parts.length
    return left
  }

  end(): void {
    if (this.#next < this.#parts.length) throw new TlvError('there are octets after the last part')
  }

  /** Where the next part begins: right after the value of the one before. */
  #offset(): number {
    const before = this.#parts[this.#next - 1]
    return before === undefined ? 0 : before.value.byteOffset + before.value.length - this.#whole.byteOffset
  }
}
