// The interface of a link to PC/SC: vsmartcard's vpcd, in either direction.

/**
 * `waiting`: the card is in no reader. `inserted`: it is in one. `refused`: the peer must not have it.
 */
export type LinkState = 'waiting' | 'inserted' | 'refused'

export interface LinkEvents {
  /** At every change. `why`: what keeps the card out of its reader, if known. */
  readonly onState: (state: LinkState, why?: Error) => void
  /** A warning for the user, once. */
  readonly onWarning: (text: string) => void
}

/** Keeps a card in PC/SC until it is closed, and reconnects when the other side goes away. */
export interface Link {
  /** Takes the card out at once; resolves when everything is closed. */
  close(): Promise<void>
}

/** Reports changes only, however often a refused peer tries again. */
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
