// Waiting that can be given up: for one's turn at the card, and for a message that is still being read.

export interface Cancellable {
  /** Gives up waiting. What the card already does it finishes. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs `enter`, which calls `begin` when its turn has come. Aborted before that, it is refused at once, and `begin`
 * throws, so that nothing is begun.
 * @throws the reason of the signal
 */
export function untilTurn<T>(signal: AbortSignal, enter: (begin: () => void) => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    signal.throwIfAborted()
    const giveUp = () => reject(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    const begin = () => {
      signal.removeEventListener('abort', giveUp)
      signal.throwIfAborted()
    }
    enter(begin).then(resolve, reject)
  })
}
