// A reader with its card: what programs may do is in reader.ts, what the card answers comes from here.
import type { CardChannel } from '../../channel.ts'
import { hasCode } from '../../errors.ts'
import { CardResponder } from '../card-responder.ts'
import { Reader } from './reader.ts'

export interface SlotEvents {
  /** The card is gone, or there. */
  readonly changed: () => void
  readonly trouble: (error: unknown) => void
  /** Milliseconds after the last program has left until the card forgets what was verified. */
  readonly grace: number
}

export class Slot {
  readonly reader: Reader
  readonly #events: SlotEvents
  #card: CardResponder | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(name: string, channel: CardChannel, events: SlotEvents) {
    this.#events = events
    this.reader = new Reader(name, channel.atr)
    this.#card = this.#responder(channel)
  }

  /** Undefined where there is no card any more. Overwrites `apdu`; the caller overwrites the answer. */
  async transmit(apdu: Uint8Array): Promise<Uint8Array | undefined> {
    const card = this.#card
    const answer = await card?.transmit(apdu)
    return card === this.#card ? answer : undefined
  }

  /** The card is reset after the current command and before every later one. */
  reset(): Promise<void> {
    return this.#card?.reset() ?? Promise.resolve()
  }

  /** A program has connected. */
  entered(): void {
    clearTimeout(this.#timer)
  }

  /** A program has left. */
  left(): void {
    if (this.reader.isUsed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#powerDown(), this.#events.grace)
    this.#timer.unref()
  }

  takeOut(): void {
    if (this.#card === undefined) return
    void this.#card.reset()
    this.#card = undefined
    this.reader.takeOut()
    this.#events.changed()
  }

  putIn(channel: CardChannel): void {
    this.takeOut()
    this.#card = this.#responder(channel)
    this.reader.putIn(channel.atr)
    this.#events.changed()
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.reset()
  }

  async #powerDown(): Promise<void> {
    if (this.reader.isUsed) return
    this.reader.wasReset()
    await this.reset()
  }

  #responder(channel: CardChannel): CardResponder {
    const card: CardResponder = new CardResponder(channel, (error) => {
      this.#events.trouble(error)
      if (card === this.#card && hasCode(error, 'ERR_CARD_CLOSED', 'ERR_CARD_REMOVED')) this.takeOut()
    })
    return card
  }
}
