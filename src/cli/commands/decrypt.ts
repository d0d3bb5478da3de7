import { wipe } from '../../bytes.ts'
import { parseHash } from '../../piv/algorithms.ts'
import { parseSlot } from '../../piv/slots.ts'
import { binaryOutput } from '../binary.ts'
import type { Run } from '../context.ts'
import { readSmall } from '../files.ts'
import { TEXT } from '../messages.ts'
import { keyPin } from '../pin.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, slotName, file) => {
  const { options } = context
  const slot = parseSlot(slotName)
  const padding = options.encryptionPadding ?? 'oaep'
  const chosen = { padding, ...(padding === 'oaep' && { hash: parseHash(options.hash ?? 'SHA-256') }) }
  const send = binaryOutput(context)
  const ciphertext = await readSmall(context, file, 'FILE')
  await withCard(context, async (card) => {
    const octets = await card.decrypt(slot, ciphertext, { ...chosen, ...keyPin(context, card) })
    try {
      const { algorithm } = await card.keyInfo(slot)
      const facts = { slot, algorithm, ...chosen }
      await send({ octets, member: 'plaintext', facts, written: TEXT.done.decrypted, secret: true })
    } finally {
      wipe(octets)
    }
  })
}
