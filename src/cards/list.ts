/** Every card that the user can reach, in TPMs and in readers. */
import { storesOf } from '../tpm/stores.ts'
import { listReaderCards, type ReaderCardSummary } from './reader-cards.ts'
import { onlyReaderOf } from './reader-probe.ts'
import { listTpmCards, type TpmCardSummary } from './tpm-cards.ts'

export interface ListOptions {
  /** Folder of the cards. Defaults to $TESSERA_HOME, else $XDG_DATA_HOME/tessera. */
  readonly home?: string
  /** Where to look for the TPM of every card. Defaults to $TESSERA_TCTI, else the one that each card remembers. */
  readonly tcti?: string
  /** Reads only the card files: no TPM and no reader is asked. */
  readonly filesOnly?: boolean
  /** How long to wait for a TPM or a card in use by another program, in milliseconds; 300 and 1000 by default. */
  readonly waitMs?: number
}

export type CardSummary =
  | TpmCardSummary
  | (ReaderCardSummary & {
      /**
       * The card of this home that `tessera serve` shows in this reader. A GUID alone proves nothing: the card is in
       * its reader now, and no other card claims the same GUID or fails to answer.
       */
      readonly tpmCard?: string
    })

const TPM_WAIT_MS = 300

/**
 * Every card of a home, then every card in a reader. No PIN try is spent and no other program is disturbed: a TPM or a
 * card in use elsewhere is waited for briefly, and its state then says so. A failing card does not make the listing
 * fail.
 */
export async function listCards(options: ListOptions & { readonly filesOnly: true }): Promise<TpmCardSummary[]>
export async function listCards(options?: ListOptions): Promise<CardSummary[]>
export async function listCards({ filesOnly = false, waitMs, ...place }: ListOptions = {}): Promise<CardSummary[]> {
  const { served } = storesOf(place)
  // Asked before the readers are probed and after: a card that comes or goes meanwhile may be in none of them.
  const shownBefore = filesOnly ? [] : await served.shown()
  const [inTpms, inReaders] = await Promise.all([
    listTpmCards({ ...place, waitMs: filesOnly ? undefined : (waitMs ?? TPM_WAIT_MS) }),
    filesOnly ? [] : listReaderCards(waitMs === undefined ? {} : { waitMs }),
  ])
  const names = new Map(inTpms.flatMap((card) => ('cardId' in card ? [[card.cardId, card.name] as const] : [])))
  const shown = inReaders.map((card) => {
    const cardId = 'cardId' in card ? card.cardId : undefined
    const tpmCard = cardId === undefined ? undefined : names.get(cardId)
    if (cardId === undefined || tpmCard === undefined) return card
    const isShown = shownBefore.includes(tpmCard) && served.isShown(tpmCard)
    return isShown && onlyReaderOf(cardId, inReaders) === card.reader ? { ...card, tpmCard } : card
  })
  return [...inTpms, ...shown]
}
