// What the handlers of a card application work with.
import type { PinRules } from '../pin-quality.ts'
import type { CardIdentity } from './identity.ts'
import type { Security } from './security.ts'
import type { TryCounter, Vault } from './vault.ts'

/** A secret whose first value everybody knows. */
export type DefaultSecret = 'pin' | 'puk' | 'adminKey'

/** The tries left, as the card last reported them. */
export interface Counters {
  pin?: TryCounter
  puk?: TryCounter
}

export interface CardContext {
  readonly vault: Vault
  readonly security: Security
  readonly counters: Counters
  /** The card's identity now: cards can be renamed. */
  readonly identity: () => CardIdentity
  /** Whether the PIN has to be changed before the first private-key operation. */
  readonly mustChangePin: () => boolean
  /** What the card asks of a new PIN, beyond its format. */
  readonly pinRules?: () => PinRules | undefined
  /** Secrets that still have their default value. */
  readonly defaults: () => readonly DefaultSecret[]
}
