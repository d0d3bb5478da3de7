import type { Run } from '../context.ts'
import { pinJson } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { unlock } from '../pin.ts'
import { withCard } from '../select.ts'

export const run: Run = (context) =>
  withCard(context, async (card) => {
    await unlock(context, card)
    const status = await card.pinStatus()
    await context.out.done(pinJson(card.name, status), TEXT.done.pinRight(status.triesLeft))
  })
