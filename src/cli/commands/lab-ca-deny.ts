import { UsageError } from '../../errors.ts'
import type { Run } from '../context.ts'
import { entryJson, registrationOf, requestId } from '../lab-ca.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context, id) => {
  const entry = await (await registrationOf(context)).deny(requestId(id), TEXT.labCa.denial)
  // An earlier decision stands.
  if (entry.state === 'issued' || entry.state === 'revoked')
    throw new UsageError('ERR_USAGE', TEXT.labCa.decided[entry.state](entry.id))
  await context.out.done(entryJson(entry), TEXT.labCa.denied(entry.id))
}
