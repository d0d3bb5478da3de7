// The other direction: the card listens, on this machine alone, and vpcd connects to it (DEVICENAME 127.0.0.1:PORT).
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { UsageError } from '../errors.ts'
import type { CardSide } from './card-side.ts'
import { FramedSocket } from './framed-socket.ts'
import { Announcer, type Link, type LinkEvents } from './link.ts'
import { checkPeer } from './peer.ts'
import { playCard } from './vpcd.ts'

const HOST = '127.0.0.1'
/** Connections whose other end is being looked up: a crowd at the door keeps nobody out for long. */
const MOST_UNKNOWN = 16
/** How long a new vpcd waits for the end of the one before it, in milliseconds. */
const HANDOVER = 500

/** One peer has the card at a time; a second one is let go. */
export class VpcdListener implements Link {
  readonly #card: CardSide
  readonly #tell: Announcer
  readonly #server: Server
  readonly #open = new Set<FramedSocket>()
  /** Resolves when nobody has the card. */
  #taken: Promise<void> | undefined

  private constructor(card: CardSide, events: LinkEvents, server: Server) {
    this.#card = card
    this.#tell = new Announcer(events)
    this.#server = server
    server.on('connection', (socket) => void this.#admit(socket))
    this.#tell.say('waiting')
  }

  /** @throws UsageError ERR_SERVE_PORT */
  static async open(card: CardSide, port: number, events: LinkEvents): Promise<VpcdListener> {
    const server = createServer({ pauseOnConnect: true })
    server.listen({ port, host: HOST, exclusive: true })
    try {
      await once(server, 'listening')
    } catch (cause) {
      throw new UsageError(
        'ERR_SERVE_PORT',
        `Port ${port} on ${HOST} cannot be listened on: ${(cause as Error).message}. Where vpcd itself listens there, connect to it instead: --vpcd. See whose the port is: ss -ltnp.`,
        { cause },
      )
    }
    return new VpcdListener(card, events, server)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const peer of this.#open) peer.destroy()
    await closed
    await this.#taken
  }

  async #admit(socket: Socket): Promise<void> {
    if (this.#open.size >= MOST_UNKNOWN || !this.#server.listening) {
      socket.destroy()
      return
    }
    const peer = FramedSocket.adopt(socket)
    this.#open.add(peer)
    try {
      await checkPeer(peer.socket, 'the program that has connected')
      if (this.#taken !== undefined) await Promise.race([this.#taken, delay(HANDOVER)])
      if (this.#taken !== undefined || peer.socket.destroyed) return
      this.#taken = this.#serve(peer)
      await this.#taken
    } catch (error) {
      if (this.#taken === undefined) this.#tell.say('refused', error as Error)
    } finally {
      peer.destroy()
      this.#open.delete(peer)
    }
  }

  /** Never rejects. */
  async #serve(peer: FramedSocket): Promise<void> {
    let why: Error | undefined
    try {
      await playCard(
        peer,
        this.#card,
        async () => undefined,
        () => this.#tell.say('inserted'),
      )
    } catch (error) {
      why = error as Error
    }
    this.#taken = undefined
    if (this.#server.listening) this.#tell.say('waiting', why)
  }
}
