// Writing to the worker thread in pieces, with at most a window of octets in transit.
import { PIECE, WINDOW } from './messages.ts'

export type Done = (error?: Error | null) => void

export class WriteWindow {
  readonly #send: (piece: Uint8Array<ArrayBuffer>) => void
  #octets: Uint8Array | undefined
  #at = 0
  #done: Done = () => {}
  /** Octets sent to the other thread and not acknowledged. */
  #underWay = 0

  constructor(send: (piece: Uint8Array<ArrayBuffer>) => void) {
    this.#send = send
  }

  /** One write at a time, as streams do. Nothing is sent before `flush`. */
  put(octets: Uint8Array, done: Done): void {
    this.#octets = octets
    this.#at = 0
    this.#done = done
  }

  taken(count: number): void {
    this.#underWay -= count
  }

  /** Sends as much as the window has room for. */
  flush(): void {
    const octets = this.#octets
    if (octets === undefined) return
    while (this.#at < octets.length && this.#underWay < WINDOW) {
      const piece = new Uint8Array(octets.subarray(this.#at, this.#at + PIECE))
      this.#at += piece.length
      this.#underWay += piece.length
      this.#send(piece)
    }
    if (this.#at === octets.length) this.drop(null)
  }

  /** Drops what is not sent yet. */
  drop(error: Error | null): void {
    if (this.#octets === undefined) return
    this.#octets = undefined
    this.#done(error)
  }
}
