import { CardError } from '../../errors.ts'
import { parseSlot } from '../../piv/slots.ts'
import { confirm, type Run } from '../context.ts'
import { isInReader, unlockManagement } from '../management.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'
import { hasKey } from '../slots.ts'

export const run: Run = async (context, slotName) => {
  const slot = parseSlot(slotName)
  await withCard(context, async (card) => {
    if (!(await hasKey(card, slot))) throw new CardError('ERR_KEY_ABSENT', TEXT.error.noKey(slot))
    await confirm(context, TEXT.confirm.delete(slot))
    await unlockManagement(context, card)
    await card.deleteKey(slot)
    const { keyDeleted, keyDeletedInReader } = TEXT.done
    await context.out.done({ deleted: slot }, (isInReader(card) ? keyDeletedInReader : keyDeleted)(slot))
  })
}
