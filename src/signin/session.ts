// What a program gets that has signed somebody in.
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
  /** False: the service could not be told, and may take the session for open until it expires. */
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
 * Somebody is signed in, until `signOut`, until the card is removed, until the time is over, or until the service ends it.
 * It keeps the process alive. The event `ended` comes when everything is closed.
 */
export interface Session extends SessionFacts, EventEmitter<{ ended: [Ended] }>, AsyncDisposable {
  /** The card, open as long as the session lasts. */
  readonly card: Card
  /** Origin of the service. */
  readonly service: string
  /** Resolves when the session is over, and everything of it is closed. */
  readonly ended: Promise<Ended>
  /**
   * A call to the service as the user who is signed in: to its own origin, and redirects are handed to the caller.
   * @throws UsageError ERR_USAGE for another origin; SignInError ERR_SIGNED_OUT, ERR_SERVICE_UNAVAILABLE
   * @example const page = await session.fetch('/orders?open=1')
   */
  fetch(path: string, init?: SessionRequest): Promise<Response>
  /**
   * Signs out: tells the service, locks the card, closes everything. What is remembered of the account stays.
   * A second call, or one after the session ended by itself, answers how it ended.
   */
  signOut(): Promise<Ended>
}
