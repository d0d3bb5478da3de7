import type { Run } from '../context.ts'
import { pinJson } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { newPukOf, takePuk } from '../pin.ts'
import { withCard } from '../select.ts'

export const run: Run = (context) =>
  withCard(context, async (card) => {
    const puk = await takePuk(context, card)
    await card.changePuk({ puk, newPuk: await context.secrets.takeNew(newPukOf(card)) })
    await context.out.done(pinJson(card.name, await card.pinStatus()), TEXT.done.pukChanged)
  })
