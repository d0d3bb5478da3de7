// The station's sheet for the first user of a card, in words.
import type { ReadableCard } from '../cards/index.ts'
import { day } from '../dates.ts'
import type { EnrollResult } from '../enroll/enroll-options.ts'
import type { Context } from './context.ts'
import { resultText } from './enrollment.ts'
import { rows } from './layout.ts'
import { TEXT } from './messages.ts'
import { plain } from './plain.ts'
import type { ReaderCard } from './reader-card.ts'

type Rows = ReadonlyArray<readonly [string, string]>

/** Whose the certificate is, where, and until when. */
function holderRows(enrollment: Extract<EnrollResult, { readonly state: 'enrolled' }>): Rows {
  const { station, field } = TEXT
  const { subject, notAfter, email, upn } = enrollment.description
  const accounts = [...upn, ...email].filter((text, index, all) => all.indexOf(text) === index)
  return [
    [station.holder, subject],
    ...accounts.map((text) => [station.account, text] as const),
    [field.slot, enrollment.slot],
    [station.until, day(notAfter)],
  ]
}

const sheet = (facts: Rows, next: string): string => [TEXT.station.ready, rows(facts), '', next].join('\n')

/** The sheet names the default PIN, which is public; for any other it says where the PIN is. */
export function handOver({ options }: Context, card: ReadableCard, enrollment: EnrollResult): string {
  const { station, field } = TEXT
  if (enrollment.state === 'pending') return [resultText(enrollment), station.again(card.name)].join('\n')
  const secret = (said: string | undefined, isDefault: boolean): string =>
    isDefault ? station.known : said === 'prompt' ? station.typed : station.inFile(said ?? '')
  const facts: Rows = [
    [field.name, card.name],
    [field.cardId, card.cardId],
    ...holderRows(enrollment),
    [station.pin, secret(options.pin, card.defaults.includes('pin'))],
    [station.puk, card.pukTries === undefined ? field.noPuk : secret(options.puk, card.defaults.includes('puk'))],
  ]
  return sheet(facts, station.first(card.name))
}

/** @param named the card as --card names it */
export function handOverInReader(card: ReaderCard, enrollment: EnrollResult, named: string): string {
  const { station, field } = TEXT
  if (enrollment.state === 'pending') return [resultText(enrollment), station.againInReader].join('\n')
  const facts: Rows = [
    [field.name, plain(card.name)],
    ...(card.cardId === undefined ? [] : [[field.cardId, card.cardId] as const]),
    ...holderRows(enrollment),
  ]
  return sheet(facts, station.firstInReader(named))
}
