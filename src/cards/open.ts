// Opening cards: one in a TPM by its name, or one in a reader.
import type { CardChannel } from '../channel.ts'
import { checkCardName, Home } from '../home/home.ts'
import { openReader } from '../pcsc/open.ts'
import { type Card, cardOver } from '../piv/host/card.ts'
import type { KnownCards } from '../piv/host/recognition.ts'
import { openTpmCard } from '../tpm/open.ts'
import { knownCards } from './known-cards.ts'
import { type LocalOptions, localChannel } from './local-card.ts'
import { checkMinutes, type NamedCard, placeOf, type ReaderPlace } from './place.ts'

/**
 * Opens a card: one in a TPM by its name, or one in a reader by part of the reader's name (`''` matches every reader).
 * The TPM is the one that the card remembers, unless `tcti` or $TESSERA_TCTI names another.
 * A card in a reader that had the PIN before, and has a key in slot 9e, signs with it before it gets the PIN again.
 * @throws CardError ERR_CARD_NOT_FOUND, ERR_CARD_OTHER_TPM; FileError; TpmError; PcscError; UsageError
 * ERR_CARD_AMBIGUOUS
 */
export async function openCard(options: string | NamedCard | ReaderPlace): Promise<Card> {
  return cardOver(await openChannel(options), knownHere())
}

/** Without a home directory no card is known. */
function knownHere(): KnownCards | undefined {
  try {
    return knownCards(new Home())
  } catch {
    return undefined
  }
}

/** The same as a channel, for other parts of this library; `local` as for `makeCard`. @throws as `openCard` */
export async function openChannel(
  options: string | NamedCard | ReaderPlace,
  local: LocalOptions = {},
): Promise<CardChannel> {
  if (typeof options === 'object' && 'reader' in options) return openReader(options.reader, options)
  // Any other value, such as undefined, is refused as a name.
  const { name, unlockMinutes, signal, ...place }: NamedCard = typeof options === 'object' ? options : { name: options }
  const unlockSeconds = unlockMinutes === undefined ? undefined : checkMinutes(unlockMinutes) * 60
  return localChannel(await openTpmCard({ ...placeOf(place), unlockSeconds, signal }, checkCardName(name)), local)
}
