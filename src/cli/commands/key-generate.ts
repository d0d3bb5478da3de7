import { parseAlgorithm } from '../../piv/algorithms.ts'
import { parseSlot } from '../../piv/slots.ts'
import { given, type Run } from '../context.ts'
import { keyJson, publicKeyPem } from '../describe.ts'
import { sendText } from '../files.ts'
import { unlockManagement } from '../management.ts'
import { TEXT } from '../messages.ts'
import { keepNewKey } from '../named-key.ts'
import { withCard } from '../select.ts'
import { freeSlot } from '../slots.ts'

export const run: Run = async (context, slotName) => {
  const { options, out } = context
  const slot = parseSlot(slotName)
  const algorithm = parseAlgorithm(options.algorithm ?? 'P-256')
  await withCard(context, async (card) => {
    await freeSlot(context, card, slot)
    const chosen = { algorithm, ...given({ pinPolicy: options.pinPolicy }) }
    await unlockManagement(context, card)
    await out.working(TEXT.done.keyWorking(algorithm), () => card.generateKey(slot, chosen))
    const key = await card.keyInfo(slot)
    const pem = publicKeyPem(key)
    await keepNewKey(card, slot, pem)
    const said = (path?: string) => TEXT.done.keyMade(slot, algorithm, key.pinPolicy, path)
    await sendText(context, keyJson(key), pem, said)
  })
}
