import type { Run } from '../context.ts'
import { deskOf, entryJson, requestId } from '../lab-ca.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context, id) => {
  const desk = await deskOf(context)
  const entry = await desk.revoke(requestId(id))
  await context.out.done(entryJson(entry), TEXT.labCa.revoked(entry.id, desk.directory.crlFile))
  return undefined
}
