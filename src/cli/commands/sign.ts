import { parseHash } from '../../piv/algorithms.ts'
import { parseSlot } from '../../piv/slots.ts'
import { binaryOutput } from '../binary.ts'
import { given, type Run } from '../context.ts'
import { readStream } from '../files.ts'
import { TEXT } from '../messages.ts'
import { nameKey } from '../named-key.ts'
import { keyPin } from '../pin.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, slotName, file) => {
  const { options } = context
  const slot = parseSlot(slotName)
  const hash = parseHash(options.hash ?? 'SHA-256')
  const send = binaryOutput(context)
  const data = await readStream(context, file, 'FILE')
  await withCard(context, async (card) => {
    const chosen = given({ hash, format: options.signatureFormat, padding: options.padding })
    await nameKey(context, card, slot)
    const octets = await card.sign(slot, data, { ...chosen, ...keyPin(context, card) })
    const { algorithm } = await card.keyInfo(slot)
    await send({ octets, member: 'signature', facts: { slot, algorithm, ...chosen }, written: TEXT.done.signed })
  })
}
