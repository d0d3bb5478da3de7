import { cardInfo, createCard } from '../../cards/index.ts'
import { given, type Run } from '../context.ts'
import { cardJson, warningsOf } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { newCard } from '../new-card.ts'
import { withOwnerPassword } from '../owner.ts'

export const run: Run = async (context, name) => {
  const { out, signal } = context
  const { chosen, announced } = await newCard(context, name)
  if (announced !== undefined) await out.note(announced)
  const made = withOwnerPassword(context, (ownerPassword) =>
    out.working(TEXT.done.cardWorking, () => createCard({ ...chosen, signal, ...given({ ownerPassword }) })),
  )
  await context.using(made, async () => {
    const summary = await cardInfo(name)
    await out.done(cardJson(summary), TEXT.done.created(name))
    for (const warning of warningsOf(summary)) await out.warn(warning)
  })
}
