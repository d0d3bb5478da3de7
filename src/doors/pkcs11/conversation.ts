// One program over any stream: octets in, octets out, its calls answered one after the other.
import { wipe } from '../../bytes.ts'
import { answerTo } from './answer.ts'
import { FrameReader, frameHeader, VERSION } from './frames.ts'
import type { Program } from './program.ts'

export class Conversation {
  readonly #program: Program
  readonly #trouble: (error: unknown) => void
  readonly #frames = new FrameReader()
  #hasVersion = false

  /** `trouble` hears why a call was answered with CKR_DEVICE_ERROR, without any part of the call. */
  constructor(program: Program, trouble: (error: unknown) => void) {
    this.#program = program
    this.#trouble = trouble
  }

  get hasRoom(): boolean {
    return this.#frames.hasRoom
  }

  /** Whether the program has stopped in the middle of something. */
  get inside(): boolean {
    return this.#frames.inside
  }

  push(piece: Uint8Array): void {
    this.#frames.push(piece)
  }

  /** Answers what comes next by `send`, whose octets are overwritten after it; false where it is not there yet. @throws FrameError */
  async answerNext(send: (octets: Uint8Array) => Promise<void>): Promise<boolean> {
    if (!this.#hasVersion) {
      this.#hasVersion = this.#frames.takeVersion() !== undefined
      if (this.#hasVersion) await send(Uint8Array.of(VERSION))
      return this.#hasVersion
    }
    const frame = this.#frames.take()
    if (frame === undefined) return false
    const answer = await answerTo(frame.message, this.#program, this.#trouble)
    wipe(frame.message)
    try {
      await send(frameHeader(frame.code, answer.written.length))
      await send(answer.written)
    } finally {
      answer.clear()
    }
    return true
  }

  /** The program has gone: its card is let go. */
  async end(): Promise<void> {
    this.#frames.clear()
    await this.#program.close()
  }
}
