// What a way into PC/SC is, whichever it is: vsmartcard's vpcd, or a reader driver of our own.

/**
 * `waiting`: the card is in no reader; `inserted`: it is in one; `refused`: somebody is there who must not have it.
 */
export type LinkState = 'waiting' | 'inserted' | 'refused'

export interface LinkEvents {
  /** At every change. `why`: what keeps the card from its reader, where that is known. */
  readonly onState: (state: LinkState, why?: Error) => void
  /** What a person ought to know, once. */
  readonly onWarning: (text: string) => void
}

/** A card on its way into PC/SC until it is closed, whatever befalls the other side. */
export interface Link {
  /** Takes the card out, at once; resolves when nothing of the link is left. */
  close(): Promise<void>
}

/** Tells of changes alone: who knocks often is not told of often. */
export class Announcer {
  readonly #events: LinkEvents
  #last = ''

  constructor(events: LinkEvents) {
    this.#events = events
  }

  say(state: LinkState, why?: Error): void {
    const now = state === 'refused' ? state : `${state} ${why?.message}`
    if (now === this.#last) return
    this.#last = now
    this.#events.onState(state, why)
  }

  warn(text: string): void {
    this.#events.onWarning(text)
  }
}
