import type { Run } from '../context.ts'
import { entryJson, registrationOf, requestId } from '../lab-ca.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context, id) => {
  const entry = await (await registrationOf(context)).deny(requestId(id), TEXT.labCa.denial)
  await context.out.done(entryJson(entry), TEXT.labCa.denied(entry.id))
}
