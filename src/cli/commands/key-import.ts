import { importCertificate } from '../../enroll/import.ts'
import { parseSlot } from '../../piv/slots.ts'
import { certificateJson } from '../certificates.ts'
import { given, type Run } from '../context.ts'
import { keyJson } from '../describe.ts'
import { readKeyFile } from '../key-file.ts'
import { unlockManagement } from '../management.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'
import { acceptCertificates, freeCertificate, freeSlot } from '../slots.ts'

export const run: Run = async (context, slotName, file) => {
  const { options, out } = context
  const slot = parseSlot(slotName)
  const { privateKey, publicKey, certificates } = await readKeyFile(context, file)
  await withCard(context, async (card) => {
    await freeSlot(context, card, slot)
    if (certificates.length > 0) {
      await acceptCertificates(context, { slot, publicKey }, certificates)
      await freeCertificate(context, card, slot)
    }
    await unlockManagement(context, card)
    await card.importKey(slot, privateKey, given({ pinPolicy: options.pinPolicy }))
    const key = await card.keyInfo(slot)
    const imported = TEXT.done.keyImported(slot, key.algorithm, key.pinPolicy)
    if (certificates.length === 0) return out.done(keyJson(key), imported)
    const { certificate, chain = [], others } = await importCertificate(card, slot, certificates, { force: true })
    const facts = certificateJson(certificate)
    const sentence = TEXT.done.certImported(slot, facts.subject, chain.length, others)
    await out.done({ ...keyJson(key), certificate: facts }, `${imported}\n${sentence}`)
  })
}
