// The cards that somebody can sign in with: those in TPMs, by their files, and those in readers.
import {
  type CardPlace,
  cardCertificates,
  cardInfo,
  listCards,
  listReaderCards,
  openCard,
  type PlacedCertificate,
  type ReaderCardSummary,
  readerCardInfo,
  type TpmCardSummary,
} from '../cards/index.ts'
import { cardIdOf, idByName } from '../enroll/identity.ts'
import { hasCode, isCardError, valueIf } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { Slot } from '../piv/slots.ts'
import { storesOf } from '../tpm/stores.ts'

/** A card that is there. */
export interface PresentCard {
  readonly kind: 'tpm' | 'reader'
  /** 32 hex digits: its GUID. Of a card that says none it follows from the name of its reader. */
  readonly id: string
  /** As `--card` takes it. */
  readonly name: string
  certificates(): Promise<readonly PlacedCertificate[]>
  open(): Promise<Card>
  /** Lets it go, so that nobody finds it unlocked. */
  release(card: Card): Promise<void>
}

const close = (card: Card): Promise<void> => card.close()

const READER = 'reader:'
/** A card in a reader that is shortly used by somebody else is waited for, in milliseconds. */
const LOOK_MS = 2000

/** Every card of the home, then every card in a reader that is not one of these. */
export async function cardsOnMachine(place: CardPlace): Promise<PresentCard[]> {
  return (await listCards(place)).flatMap((card) => {
    if (card.kind === 'tpm') return ofFile(card, place)
    return card.tpmCard === undefined && 'pin' in card ? [inReader(card)] : []
  })
}

export async function tpmCards(place: CardPlace): Promise<PresentCard[]> {
  return (await listCards({ ...place, filesOnly: true })).flatMap((card) => ofFile(card, place))
}

const ofFile = (card: TpmCardSummary, place: CardPlace): PresentCard[] =>
  'cardId' in card ? [inTpm(card.name, card.cardId, place)] : []

/** Every card in a reader, also one that a process of this home serves. */
export async function readerCards(): Promise<PresentCard[]> {
  return (await listReaderCards()).flatMap((card) => ('pin' in card ? [inReader(card)] : []))
}

/** The card that `--card` names. @throws CardError ERR_CARD_NOT_FOUND; PcscError; UsageError; as `readerCardInfo` */
export async function cardNamed(name: string, place: CardPlace): Promise<PresentCard> {
  if (!name.startsWith(READER)) return inTpm(name, (await cardInfo(name, place)).cardId, place)
  const card = await readerCardInfo(name.slice(READER.length))
  if ('error' in card) throw card.error
  return inReader(card)
}

/** A card that the caller has open, and goes on having. */
export async function cardGiven(card: Card): Promise<PresentCard> {
  return {
    kind: card.name.startsWith(READER) ? 'reader' : 'tpm',
    id: await cardIdOf(card),
    name: card.name,
    async certificates() {
      const slots = (await card.keys()).map(({ slot }) => slot)
      const found = await Promise.all(slots.map((slot) => card.getCertificate(slot)))
      return slots.flatMap((slot, at) => {
        const certificate = found[at]?.certificate
        return certificate === undefined ? [] : [{ slot, certificate }]
      })
    },
    open: async () => card,
    release: () => card.lock(),
  }
}

type Usable = Extract<ReaderCardSummary, { readonly pin: unknown }>

function inReader({ name, reader, cardId, certificates }: Usable): PresentCard {
  const slots = certificates.flatMap((one) => ('error' in one ? [] : [one.slot]))
  return {
    kind: 'reader',
    id: cardId ?? idByName(name),
    name,
    certificates: () => certificatesIn(reader, slots),
    open: () => openCard({ reader }),
    release: close,
  }
}

async function certificatesIn(reader: string, slots: readonly Slot[]): Promise<PlacedCertificate[]> {
  const card = await openCard({ reader, waitMs: LOOK_MS })
  try {
    const found: PlacedCertificate[] = []
    for (const slot of slots) {
      const read = await card.getCertificate(slot)
      if (read !== undefined) found.push({ slot, certificate: read.certificate })
    }
    return found
  } finally {
    await card.close()
  }
}

function inTpm(name: string, id: string, place: CardPlace): PresentCard {
  return {
    kind: 'tpm',
    id,
    name,
    certificates: () => cardCertificates(name, place),
    open: () =>
      openCard({ ...place, name }).catch(async (error: unknown) => {
        const shown = isBusy(error) ? await shownIn(name, id, place) : undefined
        if (shown === undefined) throw error
        return shown.open()
      }),
    release: close,
  }
}

const isBusy = (error: unknown): boolean => hasCode(error, 'ERR_TPM_BUSY', 'ERR_TPM_TIMEOUT')

/**
 * The reader in which another process of this home serves the card. A card in a reader can call itself anything: where
 * nobody serves ours, or two call themselves so, no PIN is on its way to either.
 */
async function shownIn(name: string, id: string, { home }: CardPlace): Promise<PresentCard | undefined> {
  const { served } = storesOf({ home })
  if (!(await served.elsewhere()).some((one) => one.name === name)) return undefined
  const all = await listCards(home === undefined ? {} : { home })
  const shown = all.flatMap((card) => (card.kind === 'reader' && 'pin' in card && card.tpmCard === name ? [card] : []))
  const [only] = shown.filter((card) => card.cardId === id)
  return only && inReader(only)
}

/** What is said of a card that cannot be read just now: nothing, it is passed over. */
export const certificatesOf = (card: PresentCard): Promise<readonly PlacedCertificate[]> =>
  card.certificates().catch(valueIf(isCardError, []))
