import type { Run } from '../context.ts'
import { columns } from '../layout.ts'
import { errorJson } from '../output.ts'
import { withCard } from '../select.ts'

export const run: Run = (context) =>
  withCard(context, async (card) => {
    const objects = await card.objects()
    await context.out.result(
      objects.map(({ tag, name, error }) => ({ tag, name: name ?? null, ...(error && { error: errorJson(error) }) })),
      columns(
        objects.map(({ tag, name, error }) => [tag, name ?? '', error?.message ?? '']),
        context.out.width,
      ),
    )
  })
