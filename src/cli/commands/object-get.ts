import { CardError } from '../../errors.ts'
import { objectByTag, parseObjectTag } from '../../piv/objects.ts'
import { binaryOutput } from '../binary.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { unlock } from '../pin.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, tagName) => {
  const tag = parseObjectTag(tagName)
  const known = objectByTag(tag)
  const send = binaryOutput(context)
  await withCard(context, async (card) => {
    if (known?.read === 'pin') await unlock(context, card)
    const octets = await card.getObject(tag)
    if (octets === undefined) throw new CardError('ERR_OBJECT_ABSENT', TEXT.error.noObject(tag))
    const facts = { tag, name: known?.name ?? null }
    await send({ octets, member: 'content', facts, written: (path) => TEXT.done.objectRead(tag, path) })
  })
}
