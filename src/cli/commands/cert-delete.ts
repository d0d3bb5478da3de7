import { parseSlot } from '../../piv/slots.ts'
import { certificateIn } from '../certificates.ts'
import { confirm, type Run } from '../context.ts'
import { unlockManagement } from '../management.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'
import { hasCertificate } from '../slots.ts'

export const run: Run = async (context, slotName) => {
  const slot = parseSlot(slotName)
  await withCard(context, async (card) => {
    if (!(await hasCertificate(card, slot))) await certificateIn(card, slot)
    await confirm(context, TEXT.confirm.deleteCert(slot))
    await unlockManagement(context, card)
    await card.deleteCertificate(slot)
    await context.out.done({ deleted: slot }, TEXT.done.certDeleted(slot))
  })
}
