import { prepareCard } from '../../enroll/station/prepare-card.ts'
import { DEFAULT_PIN } from '../../piv/pin.ts'
import { parseSlot } from '../../piv/slots.ts'
import { remember } from '../ca.ts'
import { given, type Run } from '../context.ts'
import { cardJson } from '../describe.ts'
import { enrollOptions, resultJson } from '../enrollment.ts'
import { EXIT } from '../exit.ts'
import { newCard } from '../new-card.ts'
import { withOwnerPassword } from '../owner.ts'
import { handOver } from '../station.ts'

export const run: Run = async (context, name) => {
  const { options, out, signal } = context
  const { chosen, pin, announced } = await newCard(context, name)
  // With the default PIN there is nothing to ask for.
  const first = chosen.pin && { pin: async () => (await pin()) ?? DEFAULT_PIN }
  const minTriesLeft = options.lastTry ? 0 : undefined
  const wanted = await enrollOptions(context)
  const slot = parseSlot(options.slot ?? '9a')
  if (announced !== undefined) await out.note(announced)
  const { card, enrollment } = await withOwnerPassword(context, (ownerPassword) =>
    prepareCard({
      card: { ...chosen, ...first, ...given({ ownerPassword }) },
      enroll: { ...wanted, slot, signal, ...given({ minTriesLeft }) },
    }),
  )
  await out.done({ card: cardJson(card), enrollment: resultJson(enrollment) }, handOver(context, card, enrollment))
  if (enrollment.state === 'enrolled') await remember(context, card.cardId, slot, { options, trust: wanted.trust })
  return enrollment.state === 'pending' ? EXIT.pending : EXIT.ok
}
