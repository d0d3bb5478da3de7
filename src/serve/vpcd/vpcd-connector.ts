// The usual direction: vpcd listens, and the card connects to it. Debian's vpcd is set up like this.
import { setTimeout as delay } from 'node:timers/promises'
import type { CardResponder } from '../../doors/card-responder.ts'
import { PcscError } from '../../errors.ts'
import { FramedSocket } from './framed-socket.ts'
import { Announcer, type Link, type LinkEvents, type LinkState } from './link.ts'
import { checkPeer, isExposed } from './peer.ts'
import { playCard } from './vpcd-protocol.ts'

export interface Place {
  readonly host: string
  readonly port: number
}

/**
 * Milliseconds between two tries to connect. A refused try costs 1 ms of processor time. pcscd looks for cards when it
 * starts and every 400 ms from then on, so this is in time for its second look.
 */
const PAUSE = { first: 10, longest: 200, refused: 1000 } as const
/** When to report that vpcd does not use a connection, in milliseconds. */
const PATIENCE = 2000

export class VpcdConnector implements Link {
  readonly #card: CardResponder
  readonly #place: Place
  readonly #tell: Announcer
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  #peer: FramedSocket | undefined
  #warned = false

  constructor(card: CardResponder, place: Place, events: LinkEvents) {
    this.#card = card
    this.#place = place
    this.#tell = new Announcer(events)
    this.#ended = this.#run()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#peer?.destroy()
    await this.#ended
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    let pause: number = PAUSE.first
    while (!signal.aborted) {
      const reached = await this.#once()
      if (reached === 'inserted') pause = PAUSE.first
      else pause = reached === 'refused' ? PAUSE.refused : Math.min(2 * pause, PAUSE.longest)
      await delay(pause, undefined, { signal }).catch(() => undefined)
    }
  }

  /** One connection from beginning to end. Returns how far it got. */
  async #once(): Promise<LinkState> {
    const peer = FramedSocket.dial(this.#place.port, this.#place.host)
    this.#peer = peer
    if (await peer.connected()) return this.#serve(peer)
    if (!this.#stop.signal.aborted) this.#tell.say('waiting')
    return 'waiting'
  }

  async #serve(peer: FramedSocket): Promise<LinkState> {
    let reached: LinkState = 'waiting'
    let why: Error | undefined
    const unused = setTimeout(() => this.#tell.say('waiting', notAsked(this.#place)), PATIENCE)
    const inserted = () => {
      clearTimeout(unused)
      reached = 'inserted'
      this.#tell.say('inserted')
      void this.#warnOfExposure()
    }
    try {
      const { host, port } = this.#place
      await playCard(peer, this.#card, () => checkPeer(peer.socket, `the program at ${host}:${port}`), inserted)
    } catch (error) {
      // The peer was not vpcd, and was dropped. The next one may be.
      why = error as Error
      if (error instanceof PcscError) reached = 'refused'
    } finally {
      clearTimeout(unused)
      peer.destroy()
    }
    if (!this.#stop.signal.aborted) this.#tell.say(reached === 'refused' ? 'refused' : 'waiting', why)
    return reached
  }

  async #warnOfExposure(): Promise<void> {
    const { port } = this.#place
    if (this.#warned || !(await isExposed(port))) return
    this.#warned = true
    this.#tell.warn(
      `vpcd listens on port ${port} for the whole network without authentication: whoever connects first is the card, and is sent the PIN. See that a firewall closes the port to other machines (lines for it: docs/serve.md).`,
    )
  }
}

const notAsked = ({ host, port }: Place) =>
  new PcscError(
    'ERR_READER_BUSY',
    `vpcd at ${host}:${port} does not ask for the card: another card is in that reader, or pcscd stands still.`,
  )
