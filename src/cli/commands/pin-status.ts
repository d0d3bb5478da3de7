import type { Run } from '../context.ts'
import { pinJson, pinText } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'
import { waysOutOf } from '../ways-out.ts'

export const run: Run = (context) =>
  withCard(context, async (card) => {
    const status = await card.pinStatus()
    await context.out.result(pinJson(card.name, status), pinText(card.name, status, await waysOutOf(card, status)))
    if (status.mustChange) await context.out.warn(TEXT.warn.mustChange(card.name))
    if (status.triesLeft === 1) await context.out.warn(TEXT.warn.lastTry(TEXT.what.pin))
  })
