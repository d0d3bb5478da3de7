import { X509Certificate } from 'node:crypto'
import { TlvError } from '../../iso7816/tlv.ts'
import { readCertificate } from '../../piv/certificate.ts'
import type { Card } from '../../piv/host/card.ts'
import { parseSlot } from '../../piv/slots.ts'
import { ATTESTATION_CERTIFICATE } from '../../piv/yubico.ts'
import type { Run } from '../context.ts'
import { writeOutput } from '../files.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'

const pem = (der: Uint8Array): string => new X509Certificate(der).toString()

/** Where a card has none, or one that nobody can read, the attestation stands alone. */
async function issuerOf(card: Card): Promise<string | undefined> {
  const content = await card.getObject(ATTESTATION_CERTIFICATE)
  try {
    return content && pem(readCertificate(content))
  } catch (error) {
    if (error instanceof TlvError || (error instanceof Error && 'code' in error)) return undefined
    throw error
  }
}

export const run: Run = async (context, slotName) => {
  const { options, out } = context
  const slot = parseSlot(slotName)
  await withCard(context, async (card) => {
    const attestation = pem(await out.working(TEXT.done.attestWorking, () => card.attest(slot)))
    const issuer = await issuerOf(card)
    const both = attestation + (issuer ?? '')
    const toFile = options.out !== undefined && options.out !== '-'
    if (options.out !== undefined && toFile) await writeOutput(options.out, both)
    await out.note(TEXT.done.keyAttested(slot, issuer !== undefined))
    if (out.mode.json || !toFile) await out.result({ slot, attestation, issuer: issuer ?? null }, both)
  })
  return undefined
}
