import { CardError } from '../../errors.ts'
import { parseObjectTag } from '../../piv/objects.ts'
import { confirm, type Run } from '../context.ts'
import { unlockManagement } from '../management.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, tagName) => {
  const tag = parseObjectTag(tagName)
  await withCard(context, async (card) => {
    const objects = await card.objects()
    if (!objects.some((object) => object.tag === tag)) {
      throw new CardError('ERR_OBJECT_ABSENT', TEXT.error.noObject(tag))
    }
    await confirm(context, TEXT.confirm.deleteObject(tag))
    await unlockManagement(context, card)
    await card.deleteObject(tag)
    await context.out.done({ deleted: tag }, TEXT.done.objectDeleted(tag))
  })
}
