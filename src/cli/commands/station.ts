import { openCard, readerCardInfo } from '../../cards/index.ts'
import type { EnrollResult } from '../../enroll/enroll-options.ts'
import { enroll } from '../../enroll/enrollments.ts'
import { cardIdOf } from '../../enroll/identity.ts'
import { prepareCard } from '../../enroll/station/prepare-card.ts'
import { CardError, UsageError } from '../../errors.ts'
import { DEFAULT_PIN } from '../../piv/pin.ts'
import { parseSlot, type Slot } from '../../piv/slots.ts'
import { ofHolder, withAgent } from '../agent.ts'
import { caUrl, remember } from '../ca.ts'
import { type Context, given, type Run } from '../context.ts'
import { cardJson } from '../describe.ts'
import { enrollOptions, resultJson } from '../enrollment.ts'
import { EXIT } from '../exit.ts'
import { standingRights } from '../management.ts'
import { TEXT } from '../messages.ts'
import { newCard } from '../new-card.ts'
import { flagOf } from '../old-spellings.ts'
import { NEW_CARD_OPTIONS } from '../options.ts'
import { withOwnerPassword } from '../owner.ts'
import { readerCardJson } from '../reader-card.ts'
import { named } from '../select.ts'
import { handOver, handOverInReader } from '../station.ts'

export const run: Run = async (context, name) => {
  const slot = parseSlot(context.options.slot ?? '9a')
  const choice = named(name)
  const enrollment =
    'reader' in choice ? await inReader(context, choice, slot) : await inTpm(context, choice.name, slot)
  return enrollment.state === 'pending' ? EXIT.pending : EXIT.ok
}

async function inTpm(context: Context, name: string, slot: Slot): Promise<EnrollResult> {
  const { options, out, signal } = context
  if (options.card !== undefined && 'reader' in named(options.card))
    throw new CardError('ERR_NOT_SUPPORTED', TEXT.error.reader)
  const { chosen, pin, announced } = await newCard(context, name)
  // With the default PIN there is nothing to ask for.
  const first = chosen.pin && { pin: async () => (await pin()) ?? DEFAULT_PIN }
  const minTriesLeft = options.lastTry ? 0 : undefined
  return withAgent(context, options, async (wishes) => {
    const wanted = await enrollOptions(context, wishes)
    if (announced !== undefined) await out.note(announced)
    const { card, enrollment } = await withOwnerPassword(context, (ownerPassword) =>
      prepareCard({
        card: { ...chosen, ...first, ...given({ ownerPassword }) },
        enroll: { ...wanted, slot, signal, ...given({ minTriesLeft }) },
      }),
    )
    await out.done({ card: cardJson(card), enrollment: resultJson(enrollment) }, handOver(context, card, enrollment))
    if (enrollment.state === 'enrolled')
      await remember(context, card.cardId, slot, { options: ofHolder(options), trust: wanted.trust })
    return enrollment
  })
}

/** The card in the reader is there already, with its PIN and its admin key. */
async function inReader(context: Context, choice: { readonly reader: string }, slot: Slot): Promise<EnrollResult> {
  const { options, out, signal } = context
  for (const option of NEW_CARD_OPTIONS) {
    if (options[option] !== undefined) throw new UsageError('ERR_USAGE', TEXT.station.newCardOnly(flagOf(option)))
  }
  caUrl(options)
  const enrollment = await context.using(openCard(choice), (card) =>
    withAgent(context, options, async (wishes) => {
      const { use, authorize } = standingRights(context, card)
      const wanted = await enrollOptions(context, wishes)
      const result = await enroll(card, { ...wanted, slot, signal, ...use, authorize })
      if (result.state === 'enrolled')
        await remember(context, await cardIdOf(card), slot, { options: ofHolder(options), trust: wanted.trust })
      return result
    }),
  )
  const card = await readerCardInfo(choice.reader)
  if ('error' in card) throw card.error
  await out.done(
    { card: readerCardJson(card), enrollment: resultJson(enrollment) },
    handOverInReader(card, enrollment, `reader:${choice.reader}`),
  )
  return enrollment
}
