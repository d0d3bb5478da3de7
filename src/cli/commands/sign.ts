import { PinError, UsageError } from '../../errors.ts'
import { parseHash } from '../../piv/algorithms.ts'
import type { Card } from '../../piv/host/card.ts'
import { parseSlot, type Slot } from '../../piv/slots.ts'
import { type Context, given, type Run } from '../context.ts'
import { readStream, writeOutput } from '../files.ts'
import { TEXT } from '../messages.ts'
import { unlock, withCard } from '../select.ts'

export const run: Run = async (context, slotName, file) => {
  const { options, out } = context
  const slot = parseSlot(slotName)
  const hash = parseHash(options.hash ?? 'SHA-256')
  const toFile = options.out !== undefined && options.out !== '-'
  if (out.mode.json && options.out === '-') throw new UsageError('ERR_USAGE', TEXT.error.stdoutTwice)
  if (!out.mode.json && options.out === undefined && out.toTerminal) {
    throw new UsageError('ERR_USAGE', TEXT.error.binaryToTerminal)
  }
  const data = await readStream(context, file, 'FILE')
  await withCard(context, async (card) => {
    await allow(context, card, slot)
    const chosen = given({ hash, format: options.format, padding: options.padding })
    const signature = await card.sign(slot, data, chosen)
    if (options.out !== undefined && toFile) await writeOutput(options.out, signature)
    if (out.mode.json) {
      const { algorithm } = await card.keyInfo(slot)
      const base64 = Buffer.from(signature).toString('base64')
      await out.result({ slot, algorithm, ...chosen, ...(toFile ? { out: options.out } : { signature: base64 }) }, '')
    } else if (options.out !== undefined && toFile) await out.note(TEXT.done.signed(options.out))
    else await out.octets(signature)
  })
  return undefined
}

/** What a signature needs: a PIN that is no longer the first one, and the PIN unless the key's policy is `never`. */
async function allow(context: Context, card: Card, slot: Slot): Promise<void> {
  const { mustChange } = await card.pinStatus()
  // Said before anybody is asked for a PIN that would not help.
  if (mustChange) throw new PinError('ERR_PIN_CHANGE_REQUIRED', TEXT.error.changeRequired)
  const { pinPolicy } = await card.keyInfo(slot)
  if (pinPolicy !== 'never') await unlock(context, card)
}
