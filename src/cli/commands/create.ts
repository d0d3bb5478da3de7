import { cardInfo, createCard, destroyCard } from '../../cards.ts'
import { UsageError } from '../../errors.ts'
import { resolveTcti } from '../../tpm/tcti.ts'
import { given, type Run } from '../context.ts'
import { cardJson, warningsOf } from '../describe.ts'
import { readPublicKey } from '../files.ts'
import { TEXT } from '../messages.ts'
import { adminKey, firstSecret } from '../new-card.ts'
import { withOwnerPassword } from '../owner.ts'

export const run: Run = async (context, name) => {
  const { options, out, signal } = context
  if (options.pinFile !== undefined) throw new UsageError('ERR_USAGE', TEXT.error.createPinFile)
  const noPuk = options.puk === 'none'
  const { tcti, announced } = resolveTcti(options.tcti)
  const chosen = {
    ...{ name, tcti, noPuk },
    ...given({
      pin: await firstSecret(context, 'pin'),
      puk: noPuk ? undefined : await firstSecret(context, 'puk'),
      adminKey: await adminKey(context),
      helpDeskPublicKey: options.helpDeskKey ? await readPublicKey(context, options.helpDeskKey) : undefined,
      pinTries: options.pinTries,
      pukTries: options.pukTries,
      mustChangePin: options.mustChangePin,
      unlockMinutes: options.unlockFor,
    }),
  }
  if (announced !== undefined) await out.note(announced)
  const made = withOwnerPassword(context, async (ownerPassword) => {
    const card = await out.working(TEXT.done.cardWorking, () => createCard({ ...chosen, ...given({ ownerPassword }) }))
    if (!signal.aborted) return card
    // Stopped in the middle: then there shall be no card.
    await card.close()
    await destroyCard(name, { tcti, ...given({ ownerPassword }) })
    throw signal.reason
  })
  await context.using(made, async () => {
    const summary = await cardInfo(name)
    await out.done(cardJson(summary), TEXT.done.created(name))
    for (const warning of warningsOf(summary)) await out.warn(warning)
  })
  return undefined
}
