import type { Run } from '../context.ts'
import { entryJson, registrationOf, requestId } from '../lab-ca.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context, id) => {
  const registration = await registrationOf(context)
  const entry = await registration.revoke(requestId(id))
  await context.out.done(entryJson(entry), TEXT.labCa.revoked(entry.id, registration.directory.crlFile))
}
