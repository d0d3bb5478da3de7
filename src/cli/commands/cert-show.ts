import { friendlyName } from '../../enroll/friendly-name.ts'
import { parseSlot } from '../../piv/slots.ts'
import { certificateIn, keyIn, shownCertificate } from '../certificates.ts'
import type { Run } from '../context.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, slotName) => {
  const slot = parseSlot(slotName)
  await withCard(context, async (card) => {
    const found = await certificateIn(card, slot)
    const name = await friendlyName(card, slot, found.certificate)
    const { json, text } = shownCertificate(slot, found, { key: await keyIn(card, slot), name })
    await context.out.result(json, text)
  })
}
