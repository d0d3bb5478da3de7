import type { Run } from '../context.ts'
import { pinJson } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { newPinOf, takePin } from '../pin.ts'
import { withCard } from '../select.ts'

export const run: Run = (context) =>
  withCard(context, async (card) => {
    const pin = await takePin(context, card)
    await card.changePin({ pin, newPin: await context.secrets.takeNew(newPinOf(card)) })
    await context.out.done(pinJson(card.name, await card.pinStatus()), TEXT.done.pinChanged)
  })
