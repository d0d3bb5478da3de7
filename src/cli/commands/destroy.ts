import { cardInfo, destroyCard } from '../../cards.ts'
import { UsageError } from '../../errors.ts'
import { type Context, given, type Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { withOwnerPassword } from '../owner.ts'

export const run: Run = async (context, name) => {
  const { options, out } = context
  const card = await cardInfo(name)
  await confirmName(context, name)
  const never = card.keys.filter((key) => key.pinPolicy === 'never').map((key) => key.slot)
  await withOwnerPassword(context, (ownerPassword) => destroyCard(name, given({ tcti: options.tcti, ownerPassword })))
  await out.done({ destroyed: name, copiesStillWork: never }, TEXT.done.destroyed(name))
  if (never.length > 0) await out.warn(TEXT.warn.neverKeys(never))
  return undefined
}

/** @throws UsageError ERR_USAGE unless the person means this very card */
async function confirmName(context: Context, name: string): Promise<void> {
  if (context.options.yes) return
  const terminal = context.terminal()
  if (terminal === undefined) throw new UsageError('ERR_USAGE', TEXT.error.destroyUnconfirmed(name))
  const typed = await terminal.askLine(TEXT.prompt.destroy(name))
  if (typed !== name) throw new UsageError('ERR_USAGE', TEXT.error.notConfirmed)
}
