// Assembles messages from the pieces received.
import { ReceivedOctets } from '../received-octets.ts'
import { LONGEST_MESSAGE, lengthOf, type Message, messageOf } from './messages.ts'

/** Most messages fit into it. */
const USUAL = 1024

export class MessageReader {
  /** Longest piece that `push` takes while there is no complete message. */
  readonly longestPiece: number
  readonly #received: ReceivedOctets

  constructor(longestPiece: number) {
    this.longestPiece = longestPiece
    this.#received = new ReceivedOctets(USUAL + longestPiece)
  }

  /** Whether there is room for another piece before the first message is taken. */
  get hasRoom(): boolean {
    return this.#received.length <= LONGEST_MESSAGE
  }

  /** Whether a message has begun that is not complete. */
  get inside(): boolean {
    return this.#received.length > 0
  }

  push(piece: Uint8Array): void {
    this.#received.push(piece)
  }

  /** Takes the first message out; undefined while it is not complete. @throws MessageError */
  take(): Message | undefined {
    const { there } = this.#received
    const length = lengthOf(there)
    if (length === undefined || length > there.length) return undefined
    const message = messageOf(there.subarray(0, length))
    this.#received.drop(length)
    return message
  }

  clear(): void {
    this.#received.clear()
  }
}
