import { selfSign } from '../../enroll/self-sign.ts'
import { parseSlot } from '../../piv/slots.ts'
import { pemOf } from '../../x509/pem.ts'
import { certificateJson, contentOf, sendPem } from '../certificates.ts'
import { given, type Run } from '../context.ts'
import { unlockToCertify } from '../management.ts'
import { TEXT } from '../messages.ts'
import { nameKey } from '../named-key.ts'
import { withCard } from '../select.ts'
import { freeCertificate } from '../slots.ts'

export const run: Run = async (context, slotName) => {
  const { days, hash, padding } = context.options
  const slot = parseSlot(slotName)
  await withCard(context, async (card) => {
    await nameKey(context, card, slot)
    await card.keyInfo(slot)
    await freeCertificate(context, card, slot)
    const pin = await unlockToCertify(context, card, slot)
    const options = { ...contentOf(context), ...given({ days, hash, padding }), ...pin }
    const certificate = await selfSign(card, slot, options)
    const facts = certificateJson(certificate)
    await context.out.note(TEXT.done.certWritten(slot, facts.subject))
    await sendPem(context, { slot, ...facts }, 'certificate', pemOf(certificate))
  })
}
