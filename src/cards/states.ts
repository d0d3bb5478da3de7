// What is to be said of a card before anything else, in one word. cli/messages.ts has a sentence for each.
import type { PinStatus } from '../piv/host/pins.ts'

/** Of a card that said how its PIN is. */
export type PinState = 'ready' | 'must-change-pin' | 'pin-blocked' | 'puk-blocked'

/**
 * `in-use`: another process has the TPM, and what is said of the card is in its file. `other-tpm`: it was made by
 * another TPM, or this one was cleared. `dead`: its PIN or PUK counter is gone from the TPM for ever. `unusable`: the
 * TPM fails, `error` says why. `not-asked`: see `filesOnly`. `unreadable`: the card file is.
 */
export type TpmCardState = PinState | 'in-use' | 'other-tpm' | 'dead' | 'unusable' | 'not-asked' | 'unreadable'

/** `busy`: another program has the card, or it does not answer. `unusable`: the reader or the card fails. */
export type ReaderCardState = PinState | 'busy' | 'no-piv' | 'unusable'

export type CardState = TpmCardState | ReaderCardState

export function pinState({ blocked, mustChange, puk }: PinStatus): PinState {
  if (blocked) return 'pin-blocked'
  if (mustChange) return 'must-change-pin'
  return puk?.triesLeft === 0 ? 'puk-blocked' : 'ready'
}
