// The usual direction: vpcd listens, and the card connects to it. Debian's vpcd is set up like this.
import { setTimeout as delay } from 'node:timers/promises'
import { PcscError } from '../errors.ts'
import type { CardSide } from './card-side.ts'
import { FramedSocket } from './framed-socket.ts'
import type { Link, LinkEvents, LinkState } from './link.ts'
import { checkPeer, isExposed } from './peer.ts'
import { playCard } from './vpcd.ts'

/**
 * Milliseconds between two tries to connect. A try where nobody listens costs 0.2 ms; pcscd looks for the card every
 * 400 ms, and 500 ms after its start the card shall be seen.
 */
const PAUSE = { first: 10, longest: 100, refused: 1000 } as const

export class VpcdDialer implements Link {
  readonly #card: CardSide
  readonly #place: { readonly host: string; readonly port: number }
  readonly #events: LinkEvents
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  #peer: FramedSocket | undefined
  #state: LinkState | undefined
  #warned = false

  constructor(card: CardSide, place: { readonly host: string; readonly port: number }, events: LinkEvents) {
    this.#card = card
    this.#place = place
    this.#events = events
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
      const outcome = await this.#once()
      if (outcome === 'inserted') pause = PAUSE.first
      else pause = outcome === 'refused' ? PAUSE.refused : Math.min(2 * pause, PAUSE.longest)
      await delay(pause, undefined, { signal }).catch(() => undefined)
    }
  }

  /** One connection, from its beginning to its end: how far it came. */
  async #once(): Promise<LinkState> {
    let reached: LinkState = 'waiting'
    const peer = FramedSocket.dial(this.#place.port, this.#place.host)
    this.#peer = peer
    if (!(await peer.connected())) {
      this.#say('waiting')
      return 'waiting'
    }
    try {
      const admitted = () => checkPeer(peer.socket)
      await playCard(peer, this.#card, admitted, () => {
        reached = 'inserted'
        this.#say('inserted')
        void this.#warnOfExposure()
      })
    } catch (error) {
      if (error instanceof PcscError) {
        this.#say('refused', error)
        return 'refused'
      }
      // A peer that is no vpcd was dropped; perhaps the next one is.
    } finally {
      peer.destroy()
    }
    if (!this.#stop.signal.aborted) this.#say('waiting')
    return reached
  }

  #say(state: LinkState, why?: Error): void {
    if (this.#state === state) return
    this.#state = state
    this.#events.onState(state, why)
  }

  async #warnOfExposure(): Promise<void> {
    const { port } = this.#place
    if (this.#warned || !(await isExposed(port))) return
    this.#warned = true
    this.#events.onWarning(
      `vpcd listens on port ${port} for the whole network, and asks nobody who he is: the first to connect is the card, and is sent the PIN. Close the port to other machines (docs/serve.md has the firewall lines).`,
    )
  }
}
