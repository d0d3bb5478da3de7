import { parseSlot } from '../../piv/slots.ts'
import { pemOf } from '../../x509/pem.ts'
import type { Run } from '../context.ts'
import { sendText } from '../files.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, slotName) => {
  const slot = parseSlot(slotName)
  await withCard(context, async (card) => {
    const attestation = pemOf(await context.out.working(TEXT.done.attestWorking, () => card.attest(slot)))
    const certificate = await card.attestationIssuer()
    const issuer = certificate && pemOf(certificate)
    const json = { slot, attestation, issuer: issuer ?? null }
    const said = (path?: string) => TEXT.done.keyAttested(slot, issuer !== undefined, path)
    await sendText(context, json, attestation + (issuer ?? ''), said)
  })
}
