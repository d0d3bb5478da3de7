import { cardInfo, destroyCard, removeDeadCard, whyDead } from '../../cards/index.ts'
import { CardError, hasCode } from '../../errors.ts'
import { type Context, confirmName, given, type Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { withOwnerPassword } from '../owner.ts'
import { warnOfTimers } from '../timers-left.ts'

export const run: Run = async (context, name) => {
  const { options, out } = context
  const never = await neverKeys(name)
  await confirmName(context, name, { ask: TEXT.prompt.destroy, refuse: TEXT.error.destroyUnconfirmed })
  try {
    await withOwnerPassword(context, (ownerPassword) => destroyCard(name, given({ tcti: options.tcti, ownerPassword })))
  } catch (error) {
    if (whyDead(error) === undefined && !isElsewhere(error, options.fileOnly)) throw error
    return remove(context, name, error as CardError)
  }
  await out.done({ destroyed: name, copiesStillWork: never }, TEXT.done.destroyed(name))
  if (never.length > 0) await out.warn(TEXT.warn.neverKeys(never))
  await warnOfTimers(context, name)
}

/** Keys that still work in copies of the card file; none if the file cannot be read. */
async function neverKeys(name: string): Promise<readonly string[]> {
  const card = await cardInfo(name).catch((error: unknown) => {
    if (error instanceof CardError && (whyDead(error) !== undefined || error.code === 'ERR_KEY_DAMAGED')) return
    throw error
  })
  return (card?.keys ?? []).filter((key) => key.pinPolicy === 'never').map((key) => key.slot)
}

/** The file says that the card is where no file is obeyed: only for whoever asks to lose no more than the file. */
const isElsewhere = (error: unknown, fileOnly = false): boolean => fileOnly && hasCode(error, 'ERR_TCTI')

async function remove(context: Context, name: string, error: CardError): Promise<undefined> {
  const { options, out } = context
  // Asked now, with the reason: a name typed before was typed without knowing it.
  await confirmName(context, name, {
    ask: (card) => `${error.message}\n${TEXT.prompt.removeDead(card)}`,
    refuse: TEXT.error.destroyUnconfirmed,
  })
  const why = await removeDeadCard(name, given({ tcti: options.tcti, fileOnly: options.fileOnly }))
  await out.done({ destroyed: name, copiesStillWork: [], removed: why }, TEXT.done.removed(name))
  await out.warn(TEXT.warn.dead[why])
  await warnOfTimers(context, name)
}
