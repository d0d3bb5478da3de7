import type { Run } from '../context.ts'
import { contentJson, contentLine } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { slotsOnFile } from '../slots.ts'

export const run: Run = async (context) => {
  const { contents, seesAll } = await slotsOnFile(context)
  const { noKeys, noKeysSeen } = TEXT.done
  if (contents.length === 0) await context.out.done([], seesAll ? noKeys : noKeysSeen)
  else await context.out.result(contents.map(contentJson), contents.map(contentLine).join('\n'))
}
