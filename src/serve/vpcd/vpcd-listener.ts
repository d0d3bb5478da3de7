// The other direction: the card listens, on this machine alone, and vpcd connects to it (DEVICENAME 127.0.0.1:PORT).
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { CardResponder } from '../../doors/card-responder.ts'
import { UsageError } from '../../errors.ts'
import { FramedSocket } from './framed-socket.ts'
import { Announcer, type Link, type LinkEvents } from './link.ts'
import { checkPeer } from './peer.ts'
import { playCard } from './vpcd-protocol.ts'

const HOST = '127.0.0.1'
/** Connections whose owner is being looked up: enough that a crowd does not keep vpcd out. */
const MOST_AT_DOOR = 256
/** How long a new vpcd waits for the end of the one before it, in milliseconds. */
const HANDOVER = 500

/** One peer has the card at a time; a second one is disconnected. */
export class VpcdListener implements Link {
  readonly #card: CardResponder
  readonly #tell: Announcer
  readonly #server: Server
  readonly #door = new Set<Socket>()
  #peer: FramedSocket | undefined
  /** Resolves when no peer has the card. */
  #taken: Promise<void> | undefined

  private constructor(card: CardResponder, events: LinkEvents, server: Server) {
    this.#card = card
    this.#tell = new Announcer(events)
    this.#server = server
    server.on('connection', (socket) => void this.#admit(socket))
    this.#tell.say('waiting')
  }

  /** @throws UsageError ERR_SERVE_PORT */
  static async open(card: CardResponder, port: number, events: LinkEvents): Promise<VpcdListener> {
    const server = createServer({ pauseOnConnect: true })
    server.listen({ port, host: HOST, exclusive: true })
    try {
      await once(server, 'listening')
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      const why = code === 'EADDRINUSE' ? 'something else is there' : message
      throw new UsageError(
        'ERR_SERVE_PORT',
        `Port ${port} on ${HOST} cannot be listened on: ${why}. Where vpcd itself listens there, connect to it instead: --vpcd. See which program has the port: ss -ltnp.`,
        { cause },
      )
    }
    return new VpcdListener(card, events, server)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#door) socket.destroy()
    this.#peer?.destroy()
    await closed
    await this.#taken
  }

  /** Nothing is read from a connection or written to it before its owner is known. */
  async #admit(socket: Socket): Promise<void> {
    if (this.#door.size >= MOST_AT_DOOR) {
      socket.destroy()
      return
    }
    this.#door.add(socket.on('error', () => undefined))
    try {
      await checkPeer(socket, 'the program that has connected')
      if (this.#taken !== undefined) await Promise.race([this.#taken, delay(HANDOVER)])
      if (this.#taken === undefined && !socket.destroyed) this.#taken = this.#serve(FramedSocket.adopt(socket))
    } catch (error) {
      if (this.#taken === undefined) this.#tell.say('refused', error as Error)
    } finally {
      socket.destroy()
      this.#door.delete(socket)
    }
  }

  /** Never rejects. */
  async #serve(peer: FramedSocket): Promise<void> {
    this.#peer = peer
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
    this.#peer = undefined
    this.#taken = undefined
    if (this.#server.listening) this.#tell.say('waiting', why)
  }
}
