/**
 * Creating, opening, listing, renaming, resetting and destroying cards: the one place that knows which kinds of card
 * there are. Listing has its own files in cards/.
 */
import type { KeyObject } from 'node:crypto'
import { concat, hex, secretBytes, wipe } from '../bytes.ts'
import type { CardChannel } from '../channel.ts'
import { UsageError } from '../errors.ts'
import { forgetEnrolments } from '../home/enrolments.ts'
import { checkCardName, Home } from '../home/home.ts'
import { openReader, type ReaderOptions } from '../pcsc/open.ts'
import { ADMIN_ALGORITHMS } from '../piv/algorithms.ts'
import { type AdminKey, adminAlgorithmOf } from '../piv/host/admin.ts'
import { type Card, cardOver } from '../piv/host/card.ts'
import { checkTries, DEFAULT_TRIES, type Secret } from '../piv/pin.ts'
import { withFirstSecrets } from '../tpm/first-secrets.ts'
import { helpDeskKeyBlob } from '../tpm/help-desk.ts'
import { createTpmCard, destroyTpmCard, openTpmCard, renewTpmCard } from '../tpm/open.ts'
import { explicitTcti, resolveTcti } from '../tpm/tcti.ts'
import { type Place, workshop } from '../tpm/workshop.ts'
import { type LocalOptions, localChannel } from './local-card.ts'
import { readerOfCard } from './reader-of-card.ts'

export type { ListedCertificate } from './certificates.ts'
export { type CardSummary, type ListOptions, listCards } from './list.ts'
export { type CardBeyond, listReaderCards, type ReaderCardSummary, readerCardInfo } from './reader-cards.ts'
export type { CardState } from './states.ts'
export { cardCertificates, cardInfo, type PlacedCertificate, type ReadableCard } from './summary.ts'
export type { TpmCardSummary } from './tpm-cards.ts'

export interface CreateCardOptions {
  /** 1 to 64 letters, digits, dots, hyphens and underscores. */
  readonly name: string
  /** TCTI string, or `embedded:`. Else $TESSERA_TCTI, else the machine's TPM, else `embedded:`. */
  readonly tcti?: string
  /** Folder of the cards. Else $TESSERA_HOME, else $XDG_DATA_HOME/tessera. */
  readonly home?: string
  /** 6 to 8 digits; 12345678 unless given, and then to be changed before the first use of a key. */
  readonly pin?: Secret
  /** 8 printable ASCII characters; 12345678 unless given. */
  readonly puk?: Secret
  /** A card without a PUK: only its help desk can unblock it. */
  readonly noPuk?: boolean
  /** PIV 9B key of 16, 24 or 32 octets (AES unless it says 3DES), or `random`: nobody manages the card through PC/SC. */
  readonly adminKey?: AdminKey | 'random'
  /** P-256 public key of a help desk, which can unblock the card from elsewhere. */
  readonly helpDeskPublicKey?: KeyObject
  /** 1 to 10 each; 5 unless given. */
  readonly pinTries?: number
  readonly pukTries?: number
  /** True: the PIN has to be changed before the first use of a key. Always so for the default PIN. */
  readonly mustChangePin?: boolean
  /** How long a verified PIN serves `once` keys, in minutes: 1 to 60, 15 unless given. */
  readonly unlockMinutes?: number
  /** Owner password of the TPM, where it has one. Needed to create and to destroy, and for nothing else. */
  readonly ownerPassword?: Secret
}

export interface CardPlace {
  readonly home?: string
  readonly tcti?: string
}

export interface NamedCard extends CardPlace {
  readonly name: string
  /** How long a verified PIN serves while the card is open here, in minutes: 1 to 60; else as it was created. */
  readonly unlockMinutes?: number
}

export interface ReaderPlace extends ReaderOptions {
  /** A part of the name of the reader, in upper or lower case. */
  readonly reader: string
}

/**
 * Makes a card in a TPM and opens it.
 * @throws UsageError ERR_CARD_NAME, ERR_USAGE; PinError ERR_PIN_FORMAT; CardError ERR_CARD_EXISTS; TpmError; FileError
 */
export function createCard(options: CreateCardOptions): Promise<Card> {
  return makeCard(options)
}

/** The same for the parts of this library that prepare a card for somebody; no program is offered it. */
export async function makeCard(options: CreateCardOptions, local: LocalOptions = {}): Promise<Card> {
  const name = checkCardName(options.name)
  const pinTries = checkTries(options.pinTries ?? DEFAULT_TRIES, 'PIN')
  const pukTries = checkTries(options.pukTries ?? DEFAULT_TRIES, 'PUK')
  const unlockSeconds = checkMinutes(options.unlockMinutes ?? 15) * 60
  const helpDeskKey = options.helpDeskPublicKey === undefined ? undefined : helpDeskKeyBlob(options.helpDeskPublicKey)
  const adminKey = adminKeyOf(options.adminKey)
  const ownerPassword = secretBytes(options.ownerPassword ?? '')
  try {
    return await withFirstSecrets({ ...options, adminKey }, async (secrets) => {
      const mustChangePin = options.mustChangePin === true || secrets.defaults.includes('pin')
      const place = { home: options.home, tcti: resolveTcti(options.tcti).tcti, readerOf: readerOfCard }
      const settings = { name, pinTries, pukTries, helpDeskKey, unlockSeconds, mustChangePin, ownerPassword }
      return cardOver(localChannel(await createTpmCard(place, { ...secrets, ...settings }), local))
    })
  } finally {
    wipe(ownerPassword)
  }
}

/**
 * Opens a card: one in a TPM by its name, or one in a reader by a part of the reader's name (`''` fits every reader).
 * The TPM is the one that the card remembers, unless `tcti` or $TESSERA_TCTI says where to look for it.
 * @throws CardError ERR_CARD_NOT_FOUND, ERR_CARD_OTHER_TPM; FileError; TpmError; PcscError; UsageError ERR_CARD_AMBIGUOUS
 */
export async function openCard(options: string | NamedCard | ReaderPlace): Promise<Card> {
  return cardOver(await openChannel(options))
}

/** The same as a channel, for the parts of this library that want one; `local` as for `makeCard`. @throws as `openCard` */
export async function openChannel(
  options: string | NamedCard | ReaderPlace,
  local: LocalOptions = {},
): Promise<CardChannel> {
  if (typeof options === 'object' && 'reader' in options) return openReader(options.reader, options)
  // Whatever is no object is refused as a name: an argument of a command line that is not there, for example.
  const { name, unlockMinutes, ...place }: NamedCard = typeof options === 'object' ? options : { name: options }
  const unlockSeconds = unlockMinutes === undefined ? undefined : checkMinutes(unlockMinutes) * 60
  return localChannel(await openTpmCard({ ...placeOf(place), unlockSeconds }, checkCardName(name)), local)
}

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
    const { cardId } = await workshop(place).store.read(checkCardName(name))
    await destroyTpmCard(placeOf(place), name, password)
    // The card is gone, whatever becomes of the files of its enrolments.
    await forgetEnrolments(hex(cardId), new Home(place.home)).catch(() => undefined)
  } finally {
    wipe(password)
  }
}

/**
 * Gives a card another name; no TPM is needed. Who has it open goes on using its keys, and cannot change it any more.
 * @throws CardError ERR_CARD_NOT_FOUND, ERR_CARD_EXISTS; UsageError ERR_CARD_NAME; FileError
 */
export async function renameCard(name: string, newName: string, place: Pick<CardPlace, 'home'> = {}): Promise<void> {
  const { store, journal } = workshop(place)
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

function placeOf(place: CardPlace): Pick<Place, 'readerOf'> & { readonly home?: string; readonly tcti?: string } {
  const tcti = explicitTcti(place.tcti)
  const given = { ...(place.home === undefined ? {} : { home: place.home }), ...(tcti === undefined ? {} : { tcti }) }
  return { ...given, readerOf: readerOfCard }
}

/** As the vault keeps it: algorithm identifier, then the key. */
function adminKeyOf(given: AdminKey | 'random' | undefined): Uint8Array | 'none' | undefined {
  if (given === undefined) return undefined
  if (given === 'random') return 'none'
  const { key, algorithm } = adminAlgorithmOf(given)
  return concat(Uint8Array.of(ADMIN_ALGORITHMS[algorithm].id), key)
}

function checkMinutes(minutes: number): number {
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= 60) return minutes
  throw new UsageError('ERR_USAGE', 'A verified PIN serves from 1 to 60 minutes.')
}
