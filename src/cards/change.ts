// Renaming, resetting and destroying cards.
import { hex, secretBytes, wipe } from '../bytes.ts'
import { forgetEnrolments } from '../home/enrolments.ts'
import { checkCardName, Home } from '../home/home.ts'
import { type Card, cardOver } from '../piv/host/card.ts'
import type { Secret } from '../piv/pin.ts'
import { removeDeadTpmCard, type WhyDead } from '../tpm/dead.ts'
import { destroyTpmCard } from '../tpm/destroy.ts'
import { renewTpmCard } from '../tpm/open.ts'
import { storesOf } from '../tpm/stores.ts'
import { localChannel } from './local-card.ts'
import { type CardPlace, placeOf } from './place.ts'

/**
 * Destroys a card for ever: its PIN-protected keys can never be used again, with any PIN, PUK or help-desk response,
 * even with copies of its file. Keys with the policy `never` do not depend on the PIN: a copied file still has them.
 * @throws CardError ERR_CARD_NOT_FOUND, ERR_CARD_OTHER_TPM; TpmError ERR_TPM_OWNER_AUTH; FileError
 */
export async function destroyCard(
  name: string,
  options: CardPlace & { readonly ownerPassword?: Secret } = {},
): Promise<void> {
  const { ownerPassword, ...place } = options
  const password = secretBytes(ownerPassword ?? '')
  try {
    await destroyTpmCard(placeOf(place), checkCardName(name), password)
  } finally {
    wipe(password)
  }
}

/**
 * Removes the file of a card that no TPM can destroy any more: its TPM was cleared or replaced, the state of the
 * software TPM is gone, or the file is damaged. docs/life-of-a-card.md says what each cause leaves open. With `fileOnly`
 * also that of a card whose file names a TPM that no file may name (`address`): such a card may live elsewhere.
 * @throws TpmError ERR_TCTI for such a card without `fileOnly`; UsageError ERR_USAGE for a card that still works; CardError ERR_CARD_NOT_FOUND; TpmError; FileError
 */
export async function removeDeadCard(
  name: string,
  options: CardPlace & { readonly fileOnly?: boolean } = {},
): Promise<WhyDead> {
  const { fileOnly, ...place } = options
  const listed = await storesOf(place)
    .store.read(checkCardName(name))
    .catch(() => undefined)
  const why = await removeDeadTpmCard(placeOf(place), name, fileOnly)
  if (listed !== undefined) await forgetEnrolments(hex(listed.cardId), new Home(place.home)).catch(() => undefined)
  return why
}

/**
 * Renames a card; no TPM is needed. A program that has the card open can go on using its keys, but cannot change the
 * card any more.
 * @throws CardError ERR_CARD_NOT_FOUND, ERR_CARD_EXISTS; UsageError ERR_CARD_NAME; FileError
 */
export async function renameCard(name: string, newName: string, place: Pick<CardPlace, 'home'> = {}): Promise<void> {
  const { store, journal } = storesOf(place)
  const { cardId } = await store.read(checkCardName(name))
  checkCardName(newName)
  await journal.whileIdle(name, () => store.rename(name, cardId, newName))
}

/**
 * Destroys a card and makes a new one with the same name in the same TPM, with the default PIN (to be changed), PUK and
 * admin key, and opens it. The number of tries, the help desk, the unlock time and the lack of a PUK are kept. If
 * making the new card fails, no card of this name is left.
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
