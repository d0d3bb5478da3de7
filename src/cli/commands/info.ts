import { cardInfo, readerCardInfo } from '../../cards/index.ts'
import type { Run } from '../context.ts'
import { cardJson, cardText, warningsOf } from '../describe.ts'
import { readerCardJson, readerCardText, readerWarnings } from '../reader-card.ts'
import { choiceToShow } from '../select.ts'

export const run: Run = async (context, name?: string) => {
  const choice = await choiceToShow(context, name)
  if ('reader' in choice) {
    const card = await readerCardInfo(choice.reader)
    if (!('pin' in card)) throw card.error
    const warnings = readerWarnings(card)
    await context.out.result({ ...readerCardJson(card), warnings }, readerCardText(card))
    for (const warning of warnings) await context.out.warn(warning)
    return
  }
  const card = await cardInfo(choice.name)
  const warnings = warningsOf(card)
  await context.out.result({ ...cardJson(card), warnings }, cardText(card))
  for (const warning of warnings) await context.out.warn(warning)
}
