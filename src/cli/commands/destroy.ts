import { cardInfo, destroyCard } from '../../cards/index.ts'
import { confirmName, given, type Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { withOwnerPassword } from '../owner.ts'

export const run: Run = async (context, name) => {
  const { options, out } = context
  const card = await cardInfo(name)
  await confirmName(context, name, { ask: TEXT.prompt.destroy, refuse: TEXT.error.destroyUnconfirmed })
  const never = card.keys.filter((key) => key.pinPolicy === 'never').map((key) => key.slot)
  await withOwnerPassword(context, (ownerPassword) => destroyCard(name, given({ tcti: options.tcti, ownerPassword })))
  await out.done({ destroyed: name, copiesStillWork: never }, TEXT.done.destroyed(name))
  if (never.length > 0) await out.warn(TEXT.warn.neverKeys(never))
  return undefined
}
