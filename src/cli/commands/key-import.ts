import { parseSlot } from '../../piv/slots.ts'
import { given, type Run } from '../context.ts'
import { keyJson } from '../describe.ts'
import { readPrivateKey } from '../files.ts'
import { TEXT } from '../messages.ts'
import { freeSlot, unlockManagement, withCard } from '../select.ts'

export const run: Run = async (context, slotName, file) => {
  const { options, out } = context
  const slot = parseSlot(slotName)
  const privateKey = await readPrivateKey(context, file)
  await withCard(context, async (card) => {
    await freeSlot(context, card, slot)
    await unlockManagement(context, card)
    await card.importKey(slot, privateKey, given({ pinPolicy: options.pinPolicy }))
    const key = await card.keyInfo(slot)
    await out.done(keyJson(key), TEXT.done.keyImported(slot, key.algorithm, key.pinPolicy))
  })
  return undefined
}
