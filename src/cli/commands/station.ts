import { prepareCard } from '../../enroll/station/prepare-card.ts'
import { parseSlot } from '../../piv/slots.ts'
import { given, type Run } from '../context.ts'
import { cardJson } from '../describe.ts'
import { enrollOptions, resultJson } from '../enrollment.ts'
import { EXIT } from '../exit.ts'
import { newCard } from '../new-card.ts'
import { withOwnerPassword } from '../owner.ts'
import { handOver } from '../station.ts'

export const run: Run = async (context, name) => {
  const { options, out, signal } = context
  const { chosen, announced } = await newCard(context, name)
  const wanted = await enrollOptions(context)
  const slot = parseSlot(options.slot ?? '9a')
  if (announced !== undefined) await out.note(announced)
  const { card, enrollment } = await withOwnerPassword(context, (ownerPassword) =>
    prepareCard({ card: { ...chosen, ...given({ ownerPassword }) }, enroll: { ...wanted, slot, signal } }),
  )
  await out.done({ card: cardJson(card), enrollment: resultJson(enrollment) }, handOver(context, card, enrollment))
  return enrollment.state === 'pending' ? EXIT.pending : EXIT.ok
}
