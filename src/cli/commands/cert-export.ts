import { UsageError } from '../../errors.ts'
import { parseSlot } from '../../piv/slots.ts'
import { pemOf } from '../../x509/pem.ts'
import { binaryOutput } from '../binary.ts'
import { certificateIn, sendPem } from '../certificates.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, slotName) => {
  const { chain: withChain, format } = context.options
  const slot = parseSlot(slotName)
  if (format === 'der' && withChain) throw new UsageError('ERR_USAGE', TEXT.error.derChain)
  const send = format === 'der' ? binaryOutput(context) : undefined
  await withCard(context, async (card) => {
    const { certificate, chain = [] } = await certificateIn(card, slot)
    const written = (path: string) => TEXT.done.certExported(slot, path)
    if (send !== undefined) return send({ octets: certificate, member: 'certificate', facts: { slot }, written })
    const all = withChain ? [certificate, ...chain] : [certificate]
    await sendPem(context, { slot }, 'certificate', all.map(pemOf).join(''), written)
  })
}
