import { abandonEnrollment, enroll } from '../../enroll/enrollments.ts'
import { forgetFailedRenewal } from '../../enroll/failed-renewals.ts'
import { cardIdOf } from '../../enroll/identity.ts'
import { rememberedCa } from '../../enroll/remembered-ca.ts'
import { UsageError } from '../../errors.ts'
import type { Card } from '../../piv/host/card.ts'
import { parseSlot, type Slot } from '../../piv/slots.ts'
import { cardAgent } from '../../tls/agent.ts'
import { ofHolder, withAgent } from '../agent.ts'
import { caUrl, optionsOf, remember } from '../ca.ts'
import { type Context, confirm, given, type Run } from '../context.ts'
import { ifDue } from '../due.ts'
import { abandonedJson, abandonedText, enrollOptions, resultJson, resultText } from '../enrollment.ts'
import { EXIT } from '../exit.ts'
import { forProgram } from '../for-program.ts'
import { isInReader, standingRights } from '../management.ts'
import { TEXT } from '../messages.ts'
import { nameKey } from '../named-key.ts'
import type { Options } from '../options.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, slotName?: string) => {
  const options = forProgram(context.options)
  const slot = parseSlot(slotName ?? '9a')
  if (options.abandon) return giveUp(context, slot)
  const known = options.renew === true && options.est === undefined && options.certsrv === undefined
  if (!known) caUrl(options)
  if (options.ifDue && !options.renew) throw new UsageError('ERR_USAGE', TEXT.enrollment.ifDueRenews)
  if (options.cardId !== undefined && !options.ifDue) throw new UsageError('ERR_USAGE', TEXT.enrollment.cardIdIfDue)
  const work = () => enrollInto(context, slot, options, known)
  return options.ifDue ? ifDue(context, slot, work) : work()
}

/** @param known whether the CA is the remembered one */
function enrollInto(context: Context, slot: Slot, options: Options, known: boolean) {
  return withCard(context, async (card) => {
    await nameKey(context, card, slot)
    const ca = known ? await rememberedCa(card, slot) : undefined
    // Printed before a password is asked for: another user or program may have written the file.
    if (ca !== undefined) await context.out.note(TEXT.enrollment.rememberedCa(ca.url))
    return enrolled(context, card, slot, ca ? optionsOf(ca, options) : options, ca?.trust)
  })
}

/** @param known trusted certificates for the CA, if no option names any */
async function enrolled(
  context: Context,
  card: Card,
  slot: string,
  options: Options,
  known: readonly Uint8Array[] | undefined,
) {
  const { out, signal } = context
  const { renew, keepOld, key, byCertificate } = options
  caUrl(options)
  const { use, authorize } = standingRights(context, card)
  const { pin: onPin, minTriesLeft } = use
  // Nobody watches: the card proves that it has the admin key before it gets the PIN.
  if (options.ifDue && isInReader(card)) await authorize()
  const own = byCertificate ? await cardAgent(card, slot, { onPin, ...given({ minTriesLeft }) }) : undefined
  try {
    return await withAgent(context, options, async ({ agent = own, ...wishes }) => {
      const wanted = await enrollOptions(context, { ...wishes, agent, known })
      const result = await enroll(card, {
        ...{ ...wanted, slot, signal, ...given({ renew, keepOld, key }), ...use, authorize },
      })
      await out.done(resultJson(result), resultText(result))
      if (result.state === 'enrolled') {
        const cardId = await cardIdOf(card)
        await forgetFailedRenewal(cardId, slot).catch(() => undefined)
        await remember(context, cardId, slot, { options: ofHolder(options), trust: wanted.trust })
      }
      return result.state === 'pending' ? EXIT.pending : EXIT.ok
    })
  } finally {
    own?.destroy()
  }
}

function giveUp(context: Context, slot: string) {
  const { out } = context
  return withCard(context, async (card) => {
    await confirm(context, TEXT.enrollment.abandon(slot))
    const { authorize } = standingRights(context, card)
    const found = await abandonEnrollment(card, slot, { authorize })
    await out.done(abandonedJson(slot, found), abandonedText(slot, found))
    return EXIT.ok
  })
}
