// TCG wire form: big-endian integers and sized octets. TPM 2.0 Library, Part 2, section 4 and 10.4.
import { copyOf, space } from '../../bytes.ts'
import { TpmError } from '../../errors.ts'

export const u8 = (value: number): Uint8Array => Uint8Array.of(value)
export const u16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value)
export const u32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)

/** TPM2B: two octets of length, then the octets. */
export function sized(octets: Uint8Array): Uint8Array {
  const out = space(2 + octets.length)
  out.set(u16(octets.length))
  out.set(octets, 2)
  return out
}

export const EMPTY = new Uint8Array(0)
export const EMPTY_SIZED = u16(0)

/** Reads a structure from its first octet to its last; missing or surplus octets are an error. */
export class WireReader {
  readonly #octets: Uint8Array
  #offset = 0

  constructor(octets: Uint8Array) {
    this.#octets = octets
  }

  take(length: number): Uint8Array {
    const start = this.skip(length)
    return copyOf(this.#octets.subarray(start, start + length))
  }

  /** The contents of a TPM2B, as a view of the input. */
  view(): Uint8Array {
    const length = this.u16()
    const start = this.skip(length)
    return this.#octets.subarray(start, start + length)
  }

  /** Skips octets; returns where they began. */
  skip(length: number): number {
    const start = this.#offset
    if (start + length > this.#octets.length) throw malformed('is too short')
    this.#offset = start + length
    return start
  }

  u8(): number {
    return this.#octets[this.skip(1)] ?? 0
  }

  u16(): number {
    const start = this.skip(2)
    return ((this.#octets[start] ?? 0) << 8) | (this.#octets[start + 1] ?? 0)
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16()
  }

  /** The contents of a TPM2B. */
  sized(): Uint8Array {
    return this.take(this.u16())
  }

  rest(): Uint8Array {
    return this.take(this.#octets.length - this.#offset)
  }

  end(): void {
    if (this.#offset !== this.#octets.length) throw malformed('is too long')
  }
}

export function malformed(how: string): TpmError {
  return new TpmError(
    'ERR_TPM_ANSWER',
    `A structure in TCG wire form ${how}. It was damaged on its way from the TPM or on disk: try again, and check the card file if that does not help.`,
  )
}
