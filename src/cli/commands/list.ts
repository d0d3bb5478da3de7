import { listCards } from '../../cards.ts'
import type { Run } from '../context.ts'
import { cardJson, columns, isReadable } from '../describe.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async ({ out }) => {
  const cards = await listCards()
  const { columns: head } = TEXT.field
  const lines = cards.map((card) =>
    isReadable(card)
      ? [card.name, card.assurance, card.keys.map((key) => key.slot).join(',') || '-', card.tcti, card.created]
      : [card.name, `${TEXT.warn.unreadableCard(card.name)}: ${card.error.code}`],
  )
  const names = cards.map((card) => `${card.name}\n`).join('')
  const table = columns([[head.name, head.assurance, head.keys, head.tcti, head.created], ...lines])
  if (cards.length === 0) await out.done([], TEXT.done.noCards)
  else await out.result(cards.map(cardJson), out.mode.quiet ? names : table)
  return undefined
}
