// The objects that identify a card, there from its creation. SP 800-73-5 part 1, section 3.1.
import { hex } from '../../bytes.ts'
import { NON_FEDERAL, writeCapabilities, writeChuid, writeDiscovery, writePrintedInformation } from '../contents.ts'
import { FIRST_STATE, type Model, modelOf } from '../first-state.ts'
import { tagOf } from '../objects.ts'

/** What the objects contain. All of it is public, or readable with the PIN. */
export interface CardIdentity {
  /** 16 octets: the card's GUID. */
  readonly cardId: Uint8Array
  readonly name: string
  /** When the card was made. */
  readonly created: Date
  /** Whether its keys live in a TPM or in what only behaves like one. */
  readonly assurance: 'hardware' | 'software'
  /** That of Tessera unless said otherwise. */
  readonly model?: Model | undefined
}

/** A card of this kind does not expire, but the standard requires a date. */
const YEARS = 30
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']

/** The day at 00:00. */
export function expiryOf({ created }: CardIdentity): Date {
  const day = Math.min(created.getUTCDate(), 28)
  return new Date(Date.UTC(created.getUTCFullYear() + YEARS, created.getUTCMonth(), day))
}

function expiry(card: CardIdentity) {
  const two = (value: number) => String(value).padStart(2, '0')
  const date = expiryOf(card)
  const year = String(date.getUTCFullYear()).padStart(4, '0')
  const month = date.getUTCMonth()
  const day = two(date.getUTCDate())
  return { digits: year + two(month + 1) + day, words: year + (MONTHS[month] ?? '') + day }
}

const MADE: ReadonlyMap<string, (identity: CardIdentity) => Uint8Array> = new Map([
  [tagOf('chuid'), (card) => writeChuid({ fascN: NON_FEDERAL, guid: card.cardId, expiry: expiry(card).digits })],
  [tagOf('ccc'), (card) => writeCapabilities(card.cardId.subarray(0, 14))],
  [tagOf('discovery'), () => writeDiscovery()],
  [tagOf('printed-information'), printed],
])

function printed(card: CardIdentity): Uint8Array {
  const serial = hex(card.cardId).slice(0, 20)
  return writePrintedInformation({
    name: card.name,
    affiliation: '',
    expiry: expiry(card).words,
    serial,
    issuer: 'Tessera',
  })
}

const PRINTED = tagOf('printed-information')
const has = (model: Model, tag: string): boolean => tag !== PRINTED || FIRST_STATE[model].printed

/** Tags of the objects that every card of this model has. */
export const initialObjects = (model: Model): readonly string[] =>
  [...MADE.keys(), tagOf('key-history')].filter((tag) => has(model, tag))

/** The content of an object that was never written; undefined where there is none. */
export function initialObject(tag: string, identity: CardIdentity): Uint8Array | undefined {
  return has(modelOf(identity), tag) ? MADE.get(tag)?.(identity) : undefined
}
