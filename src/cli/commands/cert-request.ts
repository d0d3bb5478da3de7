import { requestCertificate } from '../../enroll/request.ts'
import { parseSlot } from '../../piv/slots.ts'
import { writePem } from '../../x509/pem.ts'
import { nonceOf } from '../attest.ts'
import { contentOf, sendPem } from '../certificates.ts'
import { given, type Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { nameKey } from '../named-key.ts'
import { keyPin } from '../pin.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, slotName) => {
  const { hash, padding, template } = context.options
  const slot = parseSlot(slotName)
  const nonce = nonceOf(context.options.nonce)
  await withCard(context, async (card) => {
    await nameKey(context, card, slot)
    const { algorithm } = await card.keyInfo(slot)
    const chosen = given({ hash, padding, template, nonce })
    const options = { ...contentOf(context), ...chosen, ...keyPin(context, card) }
    const request = await requestCertificate(card, slot, options)
    const written = (path: string) => TEXT.done.requested(slot, path)
    await sendPem(context, { slot, algorithm }, 'request', writePem('CERTIFICATE REQUEST', request), written)
  })
}
