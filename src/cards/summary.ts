// A card as its file describes it; no TPM is asked.
import { hex } from '../bytes.ts'
import { checkCardName } from '../home/home.ts'
import { readCertificate } from '../piv/certificate.ts'
import { type KeyInfo, keyInfo } from '../piv/host/key-info.ts'
import type { Slot } from '../piv/slots.ts'
import { claimedAssurance } from '../tpm/facts.ts'
import type { CardFile, DefaultSecret } from '../tpm/store/card-file.ts'
import { shownTcti } from '../tpm/stored-tcti.ts'
import { storesOf } from '../tpm/stores.ts'
import { vaultKeys } from '../tpm/vault/keys.ts'
import { CERTIFICATE_TAGS, type ListedCertificate, readListed } from './certificates.ts'

export interface ReadableCard {
  readonly name: string
  readonly path: string
  /** 32 hex digits. */
  readonly cardId: string
  readonly created: string
  readonly tcti: string
  readonly assurance: 'hardware' | 'software'
  readonly pinTries: number
  /** Undefined for a card without a PUK. */
  readonly pukTries: number | undefined
  readonly helpDesk: boolean
  /** False: PC/SC cannot manage the card. */
  readonly adminKey: boolean
  readonly mustChangePin: boolean
  /** Secrets that still have their default value. */
  readonly defaults: readonly DefaultSecret[]
  readonly keys: readonly KeyInfo[]
  readonly certificates: readonly ListedCertificate[]
}

/** One card from its file alone. @throws CardError ERR_CARD_NOT_FOUND; FileError */
export async function cardInfo(name: string, place: { readonly home?: string } = {}): Promise<ReadableCard> {
  const { store, home } = storesOf(place)
  return summaryOf(await store.read(checkCardName(name)), home.of(name, 'card'))
}

/** @throws CardError ERR_KEY_DAMAGED for a malformed key in an undamaged file */
export function summaryOf(card: CardFile, path: string): ReadableCard {
  const { name, created, flags } = card
  const where = shownTcti(card.tcti)
  const assurance = claimedAssurance(where, card.assurance)
  return {
    ...{ name, path, cardId: hex(card.cardId), created, tcti: where, assurance, pinTries: card.pin.tries },
    pukTries: card.puk.present ? card.puk.tries : undefined,
    helpDesk: card.helpDeskKey !== undefined,
    adminKey: card.adminKey !== undefined,
    mustChangePin: flags.mustChangePin,
    defaults: flags.defaults,
    keys: vaultKeys(card).map(keyInfo),
    certificates: certificatesOf(card),
  }
}

function certificatesOf({ objects }: CardFile): ListedCertificate[] {
  return [...CERTIFICATE_TAGS].flatMap(([slot, tag]) => {
    const content = objects[tag]
    const listed = content && readListed(slot, content)
    return listed === undefined ? [] : [listed.certificate]
  })
}

/** A certificate and its slot. */
export interface PlacedCertificate {
  readonly slot: Slot
  /** DER. */
  readonly certificate: Uint8Array
}

/** The certificates of one card from its file alone; damaged ones are left out. @throws as `cardInfo` */
export async function cardCertificates(
  name: string,
  place: { readonly home?: string } = {},
): Promise<PlacedCertificate[]> {
  const { objects } = await storesOf(place).store.read(checkCardName(name))
  return [...CERTIFICATE_TAGS].flatMap(([slot, tag]) => {
    const content = objects[tag]
    const listed = content && readListed(slot, content)
    if (content === undefined || listed === undefined || 'error' in listed.certificate) return []
    return [{ slot, certificate: readCertificate(content) }]
  })
}
