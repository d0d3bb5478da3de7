// Chooses card and slot for a sign-in: those named, those remembered, or those whose certificate is for the address.
import { equal, sha256 } from '../bytes.ts'
import type { CardPlace } from '../cards/index.ts'
import { reasons, SIGN_IN_RULES } from '../enroll/certificate-rules.ts'
import type { CertificateDescription } from '../enroll/describe.ts'
import { CardError, PcscError, UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import { SLOTS, type Slot } from '../piv/slots.ts'
import type { Account } from './account.ts'
import {
  cardGiven,
  cardNamed,
  cardsOnMachine,
  certificatesOf,
  type PresentCard,
  readerCards,
  tpmCards,
} from './available-cards.ts'
import { addressesIn, described, isFor } from './certificate.ts'

/** A certificate on a card. */
export interface Choice {
  readonly card: PresentCard
  readonly slot: Slot
  readonly certificate: Uint8Array
  readonly description: CertificateDescription
}

export interface Wanted {
  readonly address: string
  /** The name that `--card` takes, or an open card. */
  readonly card?: string | Card | undefined
  readonly slot?: Slot | undefined
  readonly remembered?: Pick<Account, 'card' | 'slot' | 'fingerprint'> | undefined
}

/** Most certificates that a message lists. */
const MOST_LISTED = 10
/** 9a is the key for authentication (SP 800-73-5 part 1, 3.1.2); the others are used if it is absent. */
const ORDER = [...SLOTS.keys()]

/**
 * @throws CardError ERR_CERTIFICATE_ABSENT, ERR_CERTIFICATE_UNFIT, ERR_CARD_NOT_FOUND; UsageError ERR_CARD_AMBIGUOUS;
 * PcscError ERR_CARD_REMOVED if the remembered card is in no reader
 */
export async function choose(wanted: Wanted, place: CardPlace): Promise<Choice> {
  const { card, slot, remembered } = wanted
  if (typeof card === 'string') return among(wanted, [await cardNamed(card, place)])
  if (card !== undefined) return among(wanted, [await cardGiven(card)])
  if (remembered !== undefined) return again({ ...wanted, slot: slot ?? (remembered.slot as Slot) }, remembered, place)
  return among(wanted, await cardsOnMachine(place))
}

/** The remembered card, in whichever reader it is. */
async function again(
  wanted: Wanted,
  { card, fingerprint }: NonNullable<Wanted['remembered']>,
  place: CardPlace,
): Promise<Choice> {
  const present = card.kind === 'tpm' ? await tpmCards(place) : await readerCards()
  const same = present.filter(({ id }) => id === card.id)
  // Cards of other makers may share a GUID or have none: the certificate distinguishes them.
  const [only, ...others] = same.length === 1 ? same : await withCertificate(present, fingerprint)
  if (only === undefined || others.length > 0) throw gone(wanted.address, card)
  return among(wanted, [only])
}

async function withCertificate(cards: readonly PresentCard[], fingerprint: Uint8Array): Promise<PresentCard[]> {
  const found = await Promise.all(
    cards.map(async (card) => (await certificatesOf(card)).some((one) => equal(sha256(one.certificate), fingerprint))),
  )
  return cards.filter((_, index) => found[index])
}

function gone(address: string, { kind, name }: Account['card']): CardError {
  if (kind === 'reader') {
    const message = `The card that ${address} signs in with (last seen as '${name}') is in no reader. Insert it, or name another with --card.`
    return new PcscError('ERR_CARD_REMOVED', message)
  }
  const message = `The card '${name}', which ${address} signs in with, is no longer there. Name another with --card, or forget the account: tessera forget ${address}.`
  return new CardError('ERR_CARD_NOT_FOUND', message)
}

interface Seen extends Choice {
  /** Why it cannot be used. */
  readonly unfit: string | undefined
}

/** Usable certificates, the first slot of each card. */
async function among(wanted: Wanted, cards: readonly PresentCard[]): Promise<Choice> {
  const { address, slot } = wanted
  const seen = (await Promise.all(cards.map((card) => certificatesOn(card, cards.length === 1))))
    .flat()
    .filter((one) => slot === undefined || one.slot === slot)
  // Card and slot were named: use that certificate whatever its address, and let the service decide.
  const named = slot !== undefined && cards.length === 1
  const mine = named ? seen : seen.filter(({ description }) => isFor(description, address))
  const fit = mine.filter(({ unfit }) => unfit === undefined)
  const [only, ...others] = cards.flatMap((card) => fit.find((one) => one.card === card) ?? [])
  if (others.length > 0 && only !== undefined) throw ambiguous(address, [only, ...others])
  if (only !== undefined) return only
  const [first] = mine
  if (first !== undefined) throw unfit(address, first, mine)
  throw absent(address, seen, slot)
}

/** The chosen card must be readable; others are skipped while another program uses them. */
async function certificatesOn(card: PresentCard, meant: boolean): Promise<Seen[]> {
  const placed = meant ? await card.certificates() : await certificatesOf(card)
  const found = placed.flatMap(({ slot, certificate }) => {
    const description = described(certificate)
    if (description === undefined) return []
    const [unfit] = reasons(SIGN_IN_RULES, { certificate: description, slot, now: new Date() })
    return [{ card, slot, certificate, description, unfit }]
  })
  return found.sort((one, other) => ORDER.indexOf(one.slot) - ORDER.indexOf(other.slot))
}

/** Without control characters: these texts come from certificates, and a terminal would act on them. */
const list = (items: readonly string[]): string => {
  const shown = items.slice(0, MOST_LISTED).map((item) => item.replaceAll(/\p{C}/gu, '?').slice(0, 160))
  return `${shown.join('; ')}${items.length > MOST_LISTED ? '; ...' : ''}`
}
const placeOf = ({ card, slot }: Choice): string => `${card.name} ${slot}`

function ambiguous(address: string, choices: readonly Choice[]): UsageError {
  return new UsageError(
    'ERR_CARD_AMBIGUOUS',
    `More than one card has a certificate for ${address}: ${list(choices.map(placeOf))}. Say which with --card.`,
  )
}

function unfit(address: string, first: Seen, seen: readonly Seen[]): CardError {
  const why = list(seen.map((one) => `${placeOf(one)} is ${one.unfit}`))
  return new CardError(
    'ERR_CERTIFICATE_UNFIT',
    `No certificate for ${address} signs in: ${why}. Nothing was asked of a card. Renew ${seen.length === 1 ? 'it' : 'one of them'}: tessera enroll ${first.slot} --renew (and --est URL or --certsrv URL, where it was not enrolled from this computer).`,
  )
}

function absent(address: string, seen: readonly Seen[], slot: Slot | undefined): CardError {
  const there = seen.map(
    (one) => `${placeOf(one)} (${addressesIn(one.description).join(', ') || one.description.subject})`,
  )
  const others = there.length === 0 ? '' : ` These are for others: ${list(there)}.`
  const where = slot === undefined ? 'here' : `in slot ${slot}`
  return new CardError(
    'ERR_CERTIFICATE_ABSENT',
    `There is no certificate for ${address} ${where}.${others} Insert the card that has it, get one with tessera enroll ${slot ?? 'SLOT'} --est URL, or name card and slot with --card and --slot.`,
  )
}
