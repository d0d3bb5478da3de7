import { certificateLine, certificateOrError, certificatesOf } from '../certificates.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'

export const run: Run = (context) =>
  withCard(context, async (card) => {
    const all = await certificatesOf(card)
    const lines = all.map(certificateLine)
    await context.out.result(all.map(certificateOrError), lines.length === 0 ? TEXT.done.noCerts : lines.join('\n'))
  })
