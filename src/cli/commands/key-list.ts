import { cardInfo } from '../../cards.ts'
import type { Run } from '../context.ts'
import { keyJson, keyLine } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { cardName } from '../select.ts'

export const run: Run = async (context) => {
  const card = await cardInfo(await cardName(context))
  if (card.keys.length === 0) await context.out.done([], TEXT.done.noKeys)
  else await context.out.result(card.keys.map(keyJson), card.keys.map(keyLine).join('\n'))
  return undefined
}
