import { importCertificate } from '../../enroll/import.ts'
import { parseSlot } from '../../piv/slots.ts'
import { certificatesIn } from '../ca.ts'
import { certificateJson } from '../certificates.ts'
import type { Run } from '../context.ts'
import { unlockManagement } from '../management.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'
import { acceptCertificates, freeCertificate } from '../slots.ts'

export const run: Run = async (context, slotName, file, ...more) => {
  const slot = parseSlot(slotName)
  const given: Uint8Array[] = []
  for (const path of [file, ...more]) given.push(...(await certificatesIn(context, path, 'FILE')))
  await withCard(context, async (card) => {
    await acceptCertificates(context, await card.keyInfo(slot), given)
    await freeCertificate(context, card, slot)
    await unlockManagement(context, card)
    const { certificate, chain = [], others } = await importCertificate(card, slot, given, { force: true })
    const facts = certificateJson(certificate)
    const sentence = TEXT.done.certImported(slot, facts.subject, chain.length, others)
    await context.out.done({ slot, ...facts, chain: chain.length, others }, sentence)
  })
}
