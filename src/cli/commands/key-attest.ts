import { X509Certificate } from 'node:crypto'
import { parseSlot } from '../../piv/slots.ts'
import type { Run } from '../context.ts'
import { writeOutput } from '../files.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'

const pem = (der: Uint8Array): string => new X509Certificate(der).toString()

export const run: Run = async (context, slotName) => {
  const { options, out } = context
  const slot = parseSlot(slotName)
  await withCard(context, async (card) => {
    const attestation = pem(await out.working(TEXT.done.attestWorking, () => card.attest(slot)))
    const certificate = await card.attestationIssuer()
    const issuer = certificate && pem(certificate)
    const both = attestation + (issuer ?? '')
    const toFile = options.out !== undefined && options.out !== '-'
    if (options.out !== undefined && toFile) await writeOutput(options.out, both)
    await out.note(TEXT.done.keyAttested(slot, issuer !== undefined))
    if (out.mode.json || !toFile) await out.result({ slot, attestation, issuer: issuer ?? null }, both)
  })
  return undefined
}
