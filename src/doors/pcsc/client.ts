// The connection of one program: its messages are answered one after the other.
import type { Socket } from 'node:net'
import { space, wipe } from '../../bytes.ts'
import { adopt } from '../socket-handle.ts'
import { MessageReader } from './message-reader.ts'
import { type Message, MessageError } from './messages.ts'
import { type Answer, HANDLERS, type Requests } from './requests.ts'
import { Session } from './session.ts'

const PIECE = 4096

export interface ClientOptions {
  readonly requests: Requests
  /** How long a program may take for the rest of a message, and to read an answer, in milliseconds. */
  readonly patience: number
  /** The program has gone. */
  readonly ended: (client: Client) => void
}

export class Client {
  readonly session: Session
  readonly #options: ClientOptions
  readonly #socket: Socket
  readonly #reader = new MessageReader(PIECE)
  #timer: NodeJS.Timeout | undefined
  #busy = false
  #full = false

  /** Takes over a connection from which nothing was read yet. */
  constructor(accepted: Socket, options: ClientOptions) {
    this.#options = options
    this.session = new Session((octets) => this.#socket.write(octets))
    const buffer = space(PIECE)
    this.#socket = adopt(accepted, {
      buffer,
      callback: (count) => {
        const piece = buffer.subarray(0, count)
        this.#reader.push(piece)
        wipe(piece)
        this.#next()
        this.#full = !this.#reader.hasRoom
        return !this.#full
      },
    })
    // A program that ends its half has nothing more to ask, and reads no answer: as with pcscd.
    this.#socket
      .on('error', () => undefined)
      .once('end', () => this.destroy())
      .once('close', () => this.#gone())
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #gone(): void {
    clearTimeout(this.#timer)
    this.#reader.clear()
    this.session.end()
    this.#options.ended(this)
  }

  /** Answers the next message, where it is there and none is being answered. */
  #next(): void {
    if (this.#busy || this.#socket.destroyed) return
    try {
      const message = this.#reader.take()
      this.#expectRest(message === undefined && this.#reader.inside)
      if (message === undefined) return
      this.#busy = true
      this.#answer(message)
    } catch (error) {
      this.#drop(error)
    }
  }

  #answer(message: Message): void {
    const handler = HANDLERS[message.name] as (
      message: Message,
      session: Session,
      requests: Requests,
    ) => Answer | Promise<Answer>
    const answer = handler(message, this.session, this.#options.requests)
    if (answer !== undefined && 'then' in answer) {
      answer.then((octets) => this.#write(message, octets)).catch((error: unknown) => this.#drop(error))
    } else this.#write(message, answer)
  }

  #write(message: Message, answer: Answer): void {
    if (this.#socket.destroyed || answer === undefined) {
      this.#finish(message, answer)
      return
    }
    this.#socket.write(answer, () => this.#finish(message, answer))
    // What the program reads next is a signal.
    if (message.name === 'table') this.session.tableSent()
    this.#expectRest(this.#socket.writableLength > 0)
  }

  #finish(message: Message, answer: Answer): void {
    clearTimeout(this.#timer)
    wipe(message.body, message.data, answer)
    this.#busy = false
    this.#next()
    if (this.#full && this.#reader.hasRoom && !this.#socket.destroyed) {
      this.#full = false
      this.#socket.resume()
    }
  }

  /** A program that stops in the middle is let go. */
  #expectRest(wanted: boolean): void {
    clearTimeout(this.#timer)
    if (wanted) this.#timer = setTimeout(() => this.destroy(), this.#options.patience)
  }

  /** What is no message ends the connection, and nothing else. */
  #drop(error: unknown): void {
    this.destroy()
    if (!(error instanceof MessageError)) throw error
  }
}
