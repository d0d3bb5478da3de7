import { UsageError } from '../../errors.ts'
import { objectByTag, parseObjectTag } from '../../piv/objects.ts'
import type { Run } from '../context.ts'
import { readSmall } from '../files.ts'
import { unlockManagement } from '../management.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, tagName, file) => {
  const tag = parseObjectTag(tagName)
  const content = await readSmall(context, file, 'FILE')
  if (content.length === 0) throw new UsageError('ERR_USAGE', TEXT.error.emptyObject(file))
  await withCard(context, async (card) => {
    await unlockManagement(context, card)
    await card.putObject(tag, content)
    const { length } = content
    const result = { tag, name: objectByTag(tag)?.name ?? null, length }
    await context.out.done(result, TEXT.done.objectWritten(tag, length))
  })
}
