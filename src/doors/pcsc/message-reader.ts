// Assembles messages from the pieces received. What was read is overwritten as soon as it is no longer needed.
import { space, wipe } from '../../bytes.ts'
import { LONGEST_MESSAGE, lengthOf, type Message, messageOf } from './messages.ts'

/** Most messages fit into it; it grows for those that do not. */
const USUAL = 1024

export class MessageReader {
  /** Longest piece that `push` takes while there is no complete message. */
  readonly longestPiece: number
  #octets: Uint8Array
  #filled = 0

  constructor(longestPiece: number) {
    this.longestPiece = longestPiece
    this.#octets = space(USUAL + longestPiece)
  }

  /** Whether there is room for another piece before the first message is taken. */
  get hasRoom(): boolean {
    return this.#filled <= LONGEST_MESSAGE
  }

  /** Whether a message has begun that is not complete. */
  get inside(): boolean {
    return this.#filled > 0
  }

  push(piece: Uint8Array): void {
    this.#grow(this.#filled + piece.length)
    this.#octets.set(piece, this.#filled)
    this.#filled += piece.length
  }

  /** Takes the first message out; undefined while it is not complete. @throws MessageError */
  take(): Message | undefined {
    const there = this.#octets.subarray(0, this.#filled)
    const length = lengthOf(there)
    if (length === undefined || length > this.#filled) return undefined
    const message = messageOf(there.subarray(0, length))
    this.#octets.copyWithin(0, length, this.#filled)
    wipe(this.#octets.subarray(this.#filled - length, this.#filled))
    this.#filled -= length
    return message
  }

  clear(): void {
    wipe(this.#octets)
    this.#filled = 0
  }

  #grow(wanted: number): void {
    if (wanted <= this.#octets.length) return
    const larger = space(Math.max(wanted, 2 * this.#octets.length))
    larger.set(this.#octets.subarray(0, this.#filled))
    wipe(this.#octets)
    this.#octets = larger
  }
}
