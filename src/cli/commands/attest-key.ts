import { UsageError } from '../../errors.ts'
import { parseSlot } from '../../piv/slots.ts'
import { nonceOf } from '../attest.ts'
import { binaryOutput } from '../binary.ts'
import { type Context, given, type Run } from '../context.ts'
import { sendText } from '../files.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'
import { run as keyAttest } from './key-attest.ts'

export const run: Run = async (context, slotName) => {
  const { evidenceFormat: format = 'tessera', nonce: digits, rpId } = context.options
  if (format === 'yubico') {
    await keyAttest(context, slotName)
    return
  }
  const slot = parseSlot(slotName)
  const nonce = nonceOf(digits)
  if (nonce === undefined) throw new UsageError('ERR_USAGE', TEXT.error.noNonce)
  const send = format === 'webauthn-tpm' ? binary(context) : text(context)
  await withCard(context, async (card) => {
    const work = () => card.attest(slot, { format, nonce, ...given({ rpId }) })
    await send(slot, await context.out.working(TEXT.done.attestWorking, work))
  })
}

type Send = (slot: string, evidence: Uint8Array) => Promise<void>

const text =
  (context: Context): Send =>
  (slot, evidence) => {
    const json = Buffer.from(evidence).toString()
    const said = (path?: string) => (path === undefined ? undefined : TEXT.done.evidenceWritten(slot, path))
    return sendText(context, { slot, format: 'tessera', evidence: json }, json, said)
  }

function binary(context: Context): Send {
  const send = binaryOutput(context)
  return (slot, octets) => {
    const written = (path: string) => TEXT.done.evidenceWritten(slot, path)
    return send({ octets, member: 'evidence', facts: { slot, format: 'webauthn-tpm' }, written })
  }
}
