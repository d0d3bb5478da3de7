import type { Run } from '../context.ts'
import { columns } from '../describe.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context) => {
  await withCard(context, async (card) => {
    const objects = await card.objects()
    await context.out.result(
      objects.map(({ tag, name }) => ({ tag, name: name ?? null })),
      columns(objects.map(({ tag, name }) => [tag, name ?? ''])),
    )
  })
  return undefined
}
