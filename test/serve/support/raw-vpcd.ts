// A vpcd whose every octet a test decides: it listens, and a card connects to it.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { encodeFrame, FrameReader } from '../../../src/serve/vpcd/framing.ts'
import { within } from '../../support/temp.ts'

const LIMIT_MS = 120_000

/** One connection of a card. */
export class RawPeer {
  readonly socket: Socket
  /** How many pieces the last answer came in. */
  pieces = 0
  readonly #reader = new FrameReader(65_536)
  readonly #ended: Promise<unknown>
  #wake = () => {}

  constructor(socket: Socket) {
    this.socket = socket
    this.#ended = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => undefined)
    socket.on('data', (piece: Buffer) => {
      this.pieces += 1
      this.#reader.push(piece)
      this.#wake()
    })
  }

  /** Octets as they are. */
  write(octets: Uint8Array | readonly number[]): void {
    this.socket.write(Uint8Array.from(octets))
  }

  /** A frame, as vpcd 3.3 writes it: length and content apart. */
  tell(payload: Uint8Array | readonly number[]): void {
    const frame = encodeFrame(Uint8Array.from(payload))
    this.socket.write(frame.subarray(0, 2))
    this.socket.write(frame.subarray(2))
  }

  /** The next frame of the card. */
  async heard(): Promise<Uint8Array> {
    for (;;) {
      const { frame } = this.#reader
      if (frame !== undefined) {
        const copy = frame.slice()
        this.#reader.drop()
        return copy
      }
      await within(
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
        LIMIT_MS,
        'an answer of the card',
      )
    }
  }

  ask(payload: Uint8Array | readonly number[]): Promise<Uint8Array> {
    this.tell(payload)
    return this.heard()
  }

  /** Resolves when the card has closed the connection. */
  async ended(): Promise<void> {
    await within(this.#ended, LIMIT_MS, 'the end of the connection')
  }
}

export class RawVpcd {
  readonly #server: Server
  readonly #peers: RawPeer[] = []
  #wake = () => {}

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.#peers.push(new RawPeer(socket))
      this.#wake()
    })
  }

  static async listen(port = 0): Promise<RawVpcd> {
    const server = createServer({ noDelay: true }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    return new RawVpcd(server)
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  get place(): string {
    return `127.0.0.1:${this.port}`
  }

  /** The next connection. */
  async peer(): Promise<RawPeer> {
    while (this.#peers.length === 0) {
      await within(
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
        LIMIT_MS,
        'a card that connects',
      )
    }
    return this.#peers.shift() as RawPeer
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.socket.destroy()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }
}
