import { cardInfo } from '../../cards.ts'
import type { Run } from '../context.ts'
import { cardJson, cardText, warningsOf } from '../describe.ts'
import { cardName } from '../select.ts'

export const run: Run = async (context, name?: string) => {
  const card = await cardInfo(await cardName(context, name))
  const warnings = warningsOf(card)
  await context.out.result({ ...cardJson(card), warnings }, cardText(card))
  for (const warning of warnings) await context.out.warn(warning)
  return undefined
}
