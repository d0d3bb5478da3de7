import type { Run } from '../context.ts'
import { deskOf, entryJson, requestId } from '../lab-ca.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context, id) => {
  const entry = await (await deskOf(context)).deny(requestId(id), TEXT.labCa.denial)
  await context.out.done(entryJson(entry), TEXT.labCa.denied(entry.id))
  return undefined
}
