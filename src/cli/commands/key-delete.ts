import { parseSlot } from '../../piv/slots.ts'
import { confirm, type Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { unlockManagement, withCard } from '../select.ts'

export const run: Run = async (context, slotName) => {
  const slot = parseSlot(slotName)
  await withCard(context, async (card) => {
    await card.keyInfo(slot)
    await confirm(context, TEXT.confirm.delete(slot))
    await unlockManagement(context, card)
    await card.deleteKey(slot)
    await context.out.done({ deleted: slot }, TEXT.done.keyDeleted(slot))
  })
  return undefined
}
