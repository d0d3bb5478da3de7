// The station's sheet for the first user of a card, in words.
import type { ReadableCard } from '../cards/index.ts'
import { day } from '../dates.ts'
import type { EnrollResult } from '../enroll/enroll-options.ts'
import type { Context } from './context.ts'
import { resultText } from './enrollment.ts'
import { rows } from './layout.ts'
import { TEXT } from './messages.ts'

/** The sheet names the default PIN, which is public; for any other it says where the PIN is. */
export function handOver({ options }: Context, card: ReadableCard, enrollment: EnrollResult): string {
  const { station, field } = TEXT
  if (enrollment.state === 'pending') return [resultText(enrollment), station.again(card.name)].join('\n')
  const { subject, notAfter, email, upn } = enrollment.description
  const named = [...upn, ...email].filter((text, index, all) => all.indexOf(text) === index)
  const secret = (said: string | undefined, isDefault: boolean): string =>
    isDefault ? station.known : said === 'prompt' ? station.typed : station.inFile(said ?? '')
  const facts = rows([
    [field.name, card.name],
    [field.cardId, card.cardId],
    [station.holder, subject],
    ...named.map((text) => [station.account, text] as const),
    [field.slot, enrollment.slot],
    [station.until, day(notAfter)],
    [station.pin, secret(options.pin, card.defaults.includes('pin'))],
    [station.puk, card.pukTries === undefined ? field.noPuk : secret(options.puk, card.defaults.includes('puk'))],
  ])
  return [station.ready, facts, '', station.first(card.name)].join('\n')
}
