// Renaming, resetting and destroying cards.
import { hex, secretBytes, wipe } from '../bytes.ts'
import { forgetEnrolments } from '../home/enrolments.ts'
import { checkCardName, Home } from '../home/home.ts'
import { type Card, cardOver } from '../piv/host/card.ts'
import type { Secret } from '../piv/pin.ts'
import { removeDeadTpmCard, type WhyDead } from '../tpm/dead.ts'
import { destroyTpmCard, renewTpmCard } from '../tpm/open.ts'
import { storesOf } from '../tpm/stores.ts'
import { localChannel } from './local-card.ts'
import { type CardPlace, placeOf } from './place.ts'

/**
 * Destroys a card for ever: nobody can use its PIN-protected keys again, with any PIN, PUK or help-desk response, even
 * with copies of its file. Keys with the policy `never` do not hang on the PIN: a copied file still has them.
 * @throws CardError ERR_CARD_NOT_FOUND, ERR_CARD_OTHER_TPM; TpmError ERR_TPM_OWNER_AUTH; FileError
 */
export async function destroyCard(
  name: string,
  options: CardPlace & { readonly ownerPassword?: Secret } = {},
): Promise<void> {
  const { ownerPassword, ...place } = options
  const password = secretBytes(ownerPassword ?? '')
  try {
    const { cardId } = await storesOf(place).store.read(checkCardName(name))
    await destroyTpmCard(placeOf(place), name, password)
    // The card is gone, whatever becomes of the files of its enrolments.
    await forgetEnrolments(hex(cardId), new Home(place.home)).catch(() => undefined)
  } finally {
    wipe(password)
  }
}

/**
 * Removes the file of a card that no TPM can destroy any more: its TPM was cleared or is another one, the state of the
 * software TPM is gone, or the file is damaged. What that leaves open depends on why: docs/life-of-a-card.md.
 * @throws UsageError ERR_USAGE for a card that lives; CardError ERR_CARD_NOT_FOUND; TpmError; FileError
 */
export async function removeDeadCard(name: string, place: CardPlace = {}): Promise<WhyDead> {
  const listed = await storesOf(place)
    .store.read(checkCardName(name))
    .catch(() => undefined)
  const why = await removeDeadTpmCard(placeOf(place), name)
  if (listed !== undefined) await forgetEnrolments(hex(listed.cardId), new Home(place.home)).catch(() => undefined)
  return why
}

/**
 * Gives a card another name; no TPM is needed. A program that has it open goes on using its keys, and cannot change it any more.
 * @throws CardError ERR_CARD_NOT_FOUND, ERR_CARD_EXISTS; UsageError ERR_CARD_NAME; FileError
 */
export async function renameCard(name: string, newName: string, place: Pick<CardPlace, 'home'> = {}): Promise<void> {
  const { store, journal } = storesOf(place)
  const { cardId } = await store.read(checkCardName(name))
  checkCardName(newName)
  await journal.whileIdle(name, () => store.rename(name, cardId, newName))
}

/**
 * Destroys a card and makes a new one of the same name in the same TPM, with the default PIN (to be changed), PUK and
 * admin key, and opens it. The tries, the help desk and the unlock time stay, and so does that there is no PUK.
 * When it fails after the first half there is no card of this name.
 * @throws as `destroyCard` and `createCard`
 */
export async function resetCard(
  name: string,
  options: CardPlace & { readonly ownerPassword?: Secret } = {},
): Promise<Card> {
  const { ownerPassword, ...where } = options
  const password = secretBytes(ownerPassword ?? '')
  try {
    return cardOver(localChannel(await renewTpmCard(placeOf(where), checkCardName(name), password)))
  } finally {
    wipe(password)
  }
}
