import { cardInfo, listCards, resetCard } from '../../cards/index.ts'
import { confirmName, given, type Run } from '../context.ts'
import { cardJson, warningsOf } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { withOwnerPassword } from '../owner.ts'
import { warnOfTimers } from '../timers-left.ts'

export const run: Run = async (context, name) => {
  const { options, out } = context
  const { keys } = await cardInfo(name)
  await confirmName(context, name, { ask: TEXT.prompt.reset, refuse: TEXT.error.resetUnconfirmed })
  const never = keys.filter((key) => key.pinPolicy === 'never').map((key) => key.slot)
  const made = withOwnerPassword(context, (ownerPassword) =>
    out.working(TEXT.done.cardWorking, () => resetCard(name, given({ tcti: options.tcti, ownerPassword }))),
  ).catch(async (error: unknown) => {
    const left = await listCards({ filesOnly: true })
    if (!left.some((card) => card.name === name)) await out.warn(TEXT.warn.resetHalf(name))
    throw error
  })
  await context.using(made, async () => {
    const card = await cardInfo(name)
    await out.done({ ...cardJson(card), copiesStillWork: never }, TEXT.done.reset(name))
    if (never.length > 0) await out.warn(TEXT.warn.neverKeys(never))
    for (const warning of warningsOf(card)) await out.warn(warning)
    await warnOfTimers(context, name)
  })
}
