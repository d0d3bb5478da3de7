import type { Run } from '../context.ts'
import { entriesText, entryJson, registrationOf } from '../lab-ca.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context) => {
  const entries = await (await registrationOf(context)).entries()
  if (entries.length === 0) await context.out.done([], TEXT.labCa.noRequests)
  else await context.out.result(entries.map(entryJson), entriesText(entries, context.out.width))
}
