// The connection of one program: whatever it is over, its octets pass through one buffer of ours.
import type { OnReadOpts, Socket } from 'node:net'
import { space, wipe } from '../../bytes.ts'
import type { Conversation } from './conversation.ts'
import { FrameError } from './frames.ts'

const PIECE = 4096

/** Where octets come from, and where they go: the same unless said otherwise. Nothing was read from it yet. */
export interface Ends {
  readonly input: (onread: OnReadOpts) => Socket
  readonly output?: Socket
}

export interface ConnectionOptions {
  /** How long a program may stop in the middle of a call, or read no answer, in milliseconds. */
  readonly patience: number
  readonly trouble: (error: unknown) => void
}

export class Connection {
  /** Resolves when the program has gone and its cards are let go. */
  readonly ended: Promise<void>
  readonly #input: Socket
  readonly #output: Socket
  readonly #conversation: Conversation
  readonly #options: ConnectionOptions
  #timer: NodeJS.Timeout | undefined
  #work: Promise<void> | undefined
  #isFull = false

  constructor(ends: Ends, conversation: Conversation, options: ConnectionOptions) {
    this.#conversation = conversation
    this.#options = options
    const buffer = space(PIECE)
    this.#input = ends.input({
      buffer,
      callback: (count) => {
        const piece = buffer.subarray(0, count)
        conversation.push(piece)
        wipe(piece)
        this.#work ??= this.#answer()
        this.#isFull = !conversation.hasRoom
        return !this.#isFull
      },
    })
    this.#output = ends.output ?? this.#input
    this.#output.on('error', () => this.destroy())
    this.ended = new Promise((resolve) => {
      this.#input
        .on('error', () => undefined)
        .once('end', () => this.destroy())
        .once('close', () => resolve(this.#gone()))
    })
  }

  destroy(): void {
    this.#input.destroy()
    this.#output.destroy()
  }

  async #answer(): Promise<void> {
    try {
      clearTimeout(this.#timer)
      while (!this.#input.destroyed && (await this.#conversation.answerNext((octets) => this.#send(octets)))) {
        if (!this.#isFull || !this.#conversation.hasRoom) continue
        this.#isFull = false
        this.#input.resume()
      }
    } catch (error) {
      this.destroy()
      // What is no frame ends the connection, and nothing else.
      if (!(error instanceof FrameError)) this.#options.trouble(error)
    }
    this.#work = undefined
    if (this.#conversation.inside && !this.#input.destroyed) this.#expectRest()
  }

  /** A program that stops in the middle, or reads no answer, is let go. */
  #expectRest(): void {
    this.#timer = setTimeout(() => this.destroy(), this.#options.patience)
  }

  async #send(octets: Uint8Array): Promise<void> {
    if (this.#input.destroyed) return
    this.#expectRest()
    await new Promise<void>((resolve) => this.#output.write(octets, () => resolve()))
    clearTimeout(this.#timer)
  }

  async #gone(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#work
    await this.#conversation.end().catch(this.#options.trouble)
  }
}
