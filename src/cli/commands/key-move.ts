import { UsageError } from '../../errors.ts'
import { parseSlot } from '../../piv/slots.ts'
import type { Run } from '../context.ts'
import { keyJson } from '../describe.ts'
import { unlockManagement } from '../management.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'
import { freeSlot } from '../slots.ts'

export const run: Run = async (context, fromName, toName) => {
  const [from, to] = [parseSlot(fromName), parseSlot(toName)]
  if (from === to) throw new UsageError('ERR_USAGE', TEXT.error.sameSlot(from))
  await withCard(context, async (card) => {
    await card.keyInfo(from)
    await freeSlot(context, card, to)
    await unlockManagement(context, card)
    await card.moveKey(from, to)
    await context.out.done(keyJson(await card.keyInfo(to)), TEXT.done.keyMoved(from, to))
  })
}
