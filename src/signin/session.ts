// The public interface of a session.
import type { EventEmitter } from 'node:events'
import type { Card } from '../piv/host/card.ts'
import type { EndReason, Method } from './methods.ts'

export interface SessionFacts {
  readonly user: string
  readonly address: string
  readonly how: Method
  readonly slot: string
  readonly expires: Date
  readonly since: Date
}

/** How a session ended. */
export interface Ended {
  readonly reason: EndReason
  /** False: the service could not be told, so for it the session may last until it expires. */
  readonly told: boolean
}

export interface SessionRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly signal?: AbortSignal
  /** Milliseconds until the answer begins; 30 000 unless given. */
  readonly timeout?: number
}

/**
 * A session lasts until `signOut`, until the card is removed, until it expires, or until the service ends it. It keeps the
 * process alive. `ended` is emitted when everything is closed.
 */
export interface Session extends SessionFacts, EventEmitter<{ ended: [Ended] }>, AsyncDisposable {
  /** The card, open while the session lasts. */
  readonly card: Card
  /** Origin of the service. */
  readonly service: string
  /** Resolves when the session has ended and everything is closed. */
  readonly ended: Promise<Ended>
  /**
   * Calls the service with the session's authentication. Its own origin only; redirects are not followed.
   * @throws UsageError ERR_USAGE for another origin; SignInError ERR_SIGNED_OUT, ERR_SERVICE_UNAVAILABLE
   * @example const page = await session.fetch('/orders?open=1')
   */
  fetch(path: string, init?: SessionRequest): Promise<Response>
  /**
   * Signs out: tells the service, locks the card, closes everything. The account stays remembered.
   * If the session has ended already, returns how it ended.
   */
  signOut(): Promise<Ended>
}
