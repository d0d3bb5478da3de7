// The PIN of a sign-in is requested once and tried once. If the card needs it again later, the session ends.
import { PinError } from '../errors.ts'
import type { AskPin } from '../piv/host/pin-request.ts'
import type { Secret } from '../piv/pin.ts'

export interface PinOnce {
  readonly ask: AskPin
  /** What the PIN callback threw, if it did. */
  readonly refusal: () => { readonly error: unknown } | undefined
  /** Forgets the PIN. Its octets belong to the caller, who wipes them. */
  end(): void
}

/**
 * @param minTriesLeft refuses to try when fewer tries are left: 2 keeps the last one
 * @param signal stops waiting for the user
 */
export function pinOnce(pin: Secret | AskPin, minTriesLeft: number, signal: AbortSignal): PinOnce {
  let left: Secret | AskPin | undefined = pin
  let refusal: { readonly error: unknown } | undefined
  return {
    async ask(request) {
      const given = left
      left = undefined
      if (given === undefined) {
        const message = 'The card needs its PIN again, which is asked for once at each sign-in. Sign in again.'
        throw new PinError('ERR_PIN_REQUIRED', message)
      }
      if (request.triesLeft !== undefined && request.triesLeft < minTriesLeft) {
        const message = 'One PIN try is left, and a wrong PIN would block it. Nothing was sent to the card.'
        throw new PinError('ERR_PIN_LAST_TRY', message, { triesLeft: request.triesLeft })
      }
      if (typeof given !== 'function') return given
      try {
        return await until(signal, given(request))
      } catch (error) {
        refusal = { error }
        throw error
      }
    },
    refusal: () => refusal,
    end() {
      left = undefined
    },
  }
}

function until<T>(signal: AbortSignal, answer: T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const giveUp = () => reject(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', giveUp))
  })
}
