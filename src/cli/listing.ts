// The listing of cards, in words and as JSON. The text of certificates and readers is untrusted.
import type { CardSummary, ListedCertificate } from '../cards/index.ts'
import { cardJson, triesJson } from './describe.ts'
import { table } from './layout.ts'
import { TEXT } from './messages.ts'
import { errorJson, type Json } from './output.ts'
import { plain } from './plain.ts'
import { readerCardJson, validity } from './reader-card.ts'

export function listedJson(card: CardSummary): Json {
  if (!('pin' in card)) {
    const { error, ...facts } = card
    return { ...facts, error: errorJson(error) }
  }
  if (card.kind === 'tpm') {
    const { kind, state, pin, error, ...summary } = card
    return { ...cardJson(summary), kind, state, ...triesJson(pin), ...(error && { error: errorJson(error) }) }
  }
  return readerCardJson(card)
}

/** A table of the cards, and one of their certificates, if there are any. */
export function listedText(cards: readonly CardSummary[], width?: number): string {
  const { field } = TEXT
  const text = table(field.columns, cards.map(cardRow), width)
  const certificates = cards.flatMap((card) =>
    'certificates' in card ? card.certificates.map((one) => certificateRow(card.name, one)) : [],
  )
  return certificates.length === 0 ? text : `${text}\n\n${table(field.certificateColumns, certificates, width)}`
}

function cardRow(card: CardSummary): string[] {
  const { states, listedTries } = TEXT.field
  const row = [plain(card.name), states[card.state]]
  if (!('pin' in card)) return [...row, '-', '-', '-', card.error.code]
  const { triesLeft, tries, advisory } = card.pin
  return [
    ...row,
    listedTries(triesLeft, tries, advisory),
    [...card.keys, ...('unusable' in card ? card.unusable : [])].map(({ slot }) => slot).join(',') || '-',
    card.kind === 'tpm' ? card.assurance : '-',
    whereOf(card),
  ]
}

function whereOf(card: Extract<CardSummary, { readonly pin: unknown }>): string {
  if ('error' in card && card.error !== undefined) return card.error.code
  if (card.kind === 'tpm') return plain(card.tcti)
  return card.tpmCard === undefined ? (card.cardId ?? '-') : TEXT.field.shows(card.tpmCard)
}

function certificateRow(name: string, certificate: ListedCertificate): string[] {
  if ('error' in certificate) return [plain(name), certificate.slot, '-', TEXT.field.damaged]
  return [plain(name), certificate.slot, plain(certificate.subject), validity(certificate.notAfter)]
}
