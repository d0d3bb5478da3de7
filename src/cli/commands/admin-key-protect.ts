import { CardError } from '../../errors.ts'
import { isProtectedData } from '../../piv/admin-data.ts'
import type { Card } from '../../piv/host/card.ts'
import { type Context, confirm, type Run } from '../context.ts'
import { isInReader, standingRights } from '../management.ts'
import { TEXT } from '../messages.ts'
import { triesToKeep } from '../pin.ts'
import { withCard } from '../select.ts'

export const run: Run = (context) =>
  withCard(context, async (card) => {
    if (!isInReader(card)) throw new CardError('ERR_NOT_SUPPORTED', TEXT.error.protectInTpm)
    const { use, authorize } = standingRights(context, card)
    const kept = triesToKeep(context)
    await authorize()
    const pin = await use.pin()
    await card.verifyPin(pin, kept)
    const overwrite = await mayOverwrite(context, card)
    await card.protectAdminKey(pin, { ...kept, overwrite })
    const adminKey = await card.adminKeyInfo()
    await context.out.done(
      { name: card.name, adminKey: adminKey ? { ...adminKey } : null },
      TEXT.done.adminKeyProtected,
    )
  })

/** The object in which the key is kept may have what PIV has it for. */
async function mayOverwrite(context: Context, card: Card): Promise<boolean> {
  const printed = await card.getObject('printed-information')
  if (printed === undefined || isProtectedData(printed)) return false
  await confirm(context, TEXT.confirm.printed)
  return true
}
