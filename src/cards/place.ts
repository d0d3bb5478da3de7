// Where to look for cards.
import { UsageError } from '../errors.ts'
import type { ReaderOptions } from '../pcsc/open.ts'
import type { Place } from '../tpm/stores.ts'
import { explicitTcti } from '../tpm/tcti.ts'
import { readerOfCard } from './reader-probe.ts'

export interface CardPlace {
  readonly home?: string
  readonly tcti?: string
}

export interface NamedCard extends CardPlace {
  readonly name: string
  /** How long a verified PIN unlocks keys while the card is open here, in minutes: 1 to 60; by default as created. */
  readonly unlockMinutes?: number
  /** Gives up waiting for a TPM that another program or thread uses; the promise is then rejected with its reason. */
  readonly signal?: AbortSignal
}

export interface ReaderPlace extends ReaderOptions {
  /** Part of the reader's name, in upper or lower case. */
  readonly reader: string
}

/** Where to look for the TPM, when a card is opened or destroyed. */
export function placeOf(
  place: CardPlace,
): Pick<Place, 'readerOf'> & { readonly home?: string; readonly tcti?: string } {
  const tcti = explicitTcti(place.tcti)
  const given = { ...(place.home === undefined ? {} : { home: place.home }), ...(tcti === undefined ? {} : { tcti }) }
  return { ...given, readerOf: readerOfCard }
}

export function checkMinutes(minutes: number): number {
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= 60) return minutes
  throw new UsageError('ERR_USAGE', 'A verified PIN counts for 1 to 60 minutes.')
}
