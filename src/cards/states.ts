// The most important fact about a card, in one word. cli/messages.ts has a sentence for each.
import type { PinStatus } from '../piv/host/pins.ts'

/** States of a card that reported its PIN status. */
export type PinState = 'ready' | 'must-change-pin' | 'pin-blocked' | 'puk-blocked'

/**
 * `in-use`: another process uses the TPM, and the card is described from its file. `other-tpm`: another TPM made the
 * card, or this one was cleared. `dead`: its PIN or PUK counter is gone from the TPM for ever. `unusable`: the TPM
 * fails; `error` says why. `not-asked`: see `filesOnly`. `unreadable`: the card file cannot be read.
 */
export type TpmCardState = PinState | 'in-use' | 'other-tpm' | 'dead' | 'unusable' | 'not-asked' | 'unreadable'

/** `busy`: another program uses the card, or it does not answer. `unusable`: the reader or the card fails. */
export type ReaderCardState = PinState | 'busy' | 'no-piv' | 'unusable'

export type CardState = TpmCardState | ReaderCardState

export function pinState({ blocked, mustChange, puk }: PinStatus): PinState {
  if (blocked) return 'pin-blocked'
  if (mustChange) return 'must-change-pin'
  return puk?.triesLeft === 0 ? 'puk-blocked' : 'ready'
}
