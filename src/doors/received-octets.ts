// Octets received in pieces, until there is a whole message. What was taken is overwritten at once: it may be a PIN.
import { space, wipe } from '../bytes.ts'

export class ReceivedOctets {
  #octets: Uint8Array
  #filled = 0

  /** `usual`: octets that most messages fit into. */
  constructor(usual: number) {
    this.#octets = space(usual)
  }

  get length(): number {
    return this.#filled
  }

  /** A view of what is there, until the next call. */
  get there(): Uint8Array {
    return this.#octets.subarray(0, this.#filled)
  }

  push(piece: Uint8Array): void {
    this.#grow(this.#filled + piece.length)
    this.#octets.set(piece, this.#filled)
    this.#filled += piece.length
  }

  /** Takes the first octets out. */
  drop(length: number): void {
    this.#octets.copyWithin(0, length, this.#filled)
    wipe(this.#octets.subarray(this.#filled - length, this.#filled))
    this.#filled -= length
  }

  clear(): void {
    wipe(this.#octets)
    this.#filled = 0
  }

  #grow(wanted: number): void {
    if (wanted <= this.#octets.length) return
    const larger = space(Math.max(wanted, 2 * this.#octets.length))
    larger.set(this.there)
    wipe(this.#octets)
    this.#octets = larger
  }
}
