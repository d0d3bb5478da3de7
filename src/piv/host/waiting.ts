// Waiting that can be cancelled: for a turn at the card, and for a message that is still being read.

export interface Cancellable {
  /** Cancels waiting. What the card is already doing is finished. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs `enter`, which calls `begin` when its turn has come. If aborted before that, the call is rejected at once, and
 * `begin` throws, so that nothing is begun.
 * @throws the signal's reason
 */
export function untilTurn<T>(signal: AbortSignal, enter: (begin: () => void) => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    signal.throwIfAborted()
    const giveUp = () => reject(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    const listenNoLonger = () => signal.removeEventListener('abort', giveUp)
    const begin = () => {
      listenNoLonger()
      signal.throwIfAborted()
    }
    // A turn that never comes leaves nothing behind on a signal that may serve for many calls.
    enter(begin).finally(listenNoLonger).then(resolve, reject)
  })
}
