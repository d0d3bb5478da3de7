import { listCards } from '../../cards/index.ts'
import { given, type Run } from '../context.ts'
import { listedJson, listedText } from '../listing.ts'
import { TEXT } from '../messages.ts'
import { plain } from '../plain.ts'

export const run: Run = async ({ out, options }) => {
  const cards = await listCards(given({ tcti: options.tcti }))
  if (cards.length === 0) {
    await out.done([], TEXT.done.noCards)
    return
  }
  const usable = cards.filter(({ state }) => state !== 'no-piv')
  const names = usable.map(({ name }) => `${plain(name)}\n`).join('')
  await out.result(cards.map(listedJson), out.mode.quiet ? names : listedText(cards, out.width))
  for (const card of usable) {
    if ('error' in card && card.error !== undefined)
      await out.warn(TEXT.warn.listed(plain(card.name), card.error.message))
  }
}
