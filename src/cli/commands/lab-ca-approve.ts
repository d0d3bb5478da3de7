import { CaError, UsageError } from '../../errors.ts'
import type { Entry } from '../../lab-ca/registration-authority.ts'
import type { Run } from '../context.ts'
import { entryJson, registrationOf, requestId } from '../lab-ca.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context, id?: string) => {
  const { options, out } = context
  if ((id === undefined) !== (options.all === true)) throw new UsageError('ERR_USAGE', TEXT.error.idOrAll)
  const registration = await registrationOf(context)
  if (id !== undefined) {
    const { state } = await registration.entry(requestId(id))
    if (state === 'denied' || state === 'revoked')
      throw new UsageError('ERR_USAGE', TEXT.labCa.decided[state](requestId(id)))
    const entry = await registration.approve(requestId(id))
    // The rules may deny a request at approval.
    if (entry.state === 'denied') {
      const words = entry.reason ?? ''
      throw new CaError('ERR_CA_REFUSED', TEXT.labCa.refused(entry.id, words), { words })
    }
    await out.done([entryJson(entry)], TEXT.labCa.approved(entry.id, entry.user))
    return
  }
  const decided: Entry[] = []
  for (const entry of await registration.entries())
    if (entry.state === 'pending') decided.push(await registration.approve(entry.id))
  const sentences = decided.map(({ id: number, user, reason }) =>
    reason === undefined ? TEXT.labCa.approved(number, user) : TEXT.labCa.refused(number, reason),
  )
  await out.done(decided.map(entryJson), sentences.join('\n') || TEXT.labCa.nonePending)
}
