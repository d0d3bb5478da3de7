// The connection of a program whose every octet a test decides.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { within } from '../../support/temp.ts'

const LIMIT_MS = 120_000

export async function connected(path: string): Promise<Socket> {
  const socket = connect(path)
  await once(socket, 'connect')
  return socket
}

export class RawSocket {
  readonly socket: Socket
  #octets = Buffer.alloc(0)
  #wake = () => {}
  readonly #ended: Promise<unknown>

  constructor(socket: Socket) {
    this.socket = socket
    this.#ended = new Promise((resolve) => socket.once('close', resolve))
    socket
      .on('error', () => undefined)
      .on('data', (piece: Buffer) => {
        this.#octets = Buffer.concat([this.#octets, piece])
        this.#wake()
      })
    void this.#ended.then(() => this.#wake())
  }

  /** The next so many octets. */
  async heard(length: number): Promise<Buffer> {
    while (this.#octets.length < length) {
      if (this.socket.destroyed) throw new Error(`the connection has ended, with ${this.#octets.length} of ${length}`)
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      await within(more, LIMIT_MS, 'an answer of the service')
    }
    const taken = this.#octets.subarray(0, length)
    this.#octets = this.#octets.subarray(length)
    return taken
  }

  /** Nothing more has come than what was heard. */
  get isQuiet(): boolean {
    return this.#octets.length === 0
  }

  /** Resolves when the service has closed the connection. */
  async ended(): Promise<void> {
    await within(this.#ended, LIMIT_MS, 'the end of the connection')
  }

  async close(): Promise<void> {
    this.socket.destroy()
    await this.ended()
  }
}
