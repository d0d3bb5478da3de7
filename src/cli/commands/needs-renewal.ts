import { cardInfo, readerCardInfo } from '../../cards/index.ts'
import { DUE_DAYS, expiryOf } from '../../enroll/renewal.ts'
import { CardError } from '../../errors.ts'
import { parseSlot } from '../../piv/slots.ts'
import type { Context, Run } from '../context.ts'
import { EXIT } from '../exit.ts'
import { TEXT } from '../messages.ts'
import { plain } from '../plain.ts'
import { choiceToShow } from '../select.ts'

/** From the card's file; a card in a reader is asked. A certificate that cannot be read is due. */
export const run: Run = async (context, slotName?: string) => {
  const slot = slotName === undefined ? undefined : parseSlot(slotName)
  const days = context.options.within ?? DUE_DAYS
  const all = (await certificatesOf(context)).filter((one) => slot === undefined || one.slot === slot)
  if (all.length === 0)
    throw new CardError('ERR_CERTIFICATE_ABSENT', slot ? TEXT.error.noCert(slot) : TEXT.done.noCerts)
  const certificates = all.map((one) => {
    if ('error' in one) return { slot: one.slot, subject: null, notAfter: null, daysLeft: null, due: true }
    const { daysLeft, due } = expiryOf({ notAfter: new Date(one.notAfter) }, days)
    return { slot: one.slot, subject: one.subject, notAfter: one.notAfter, daysLeft, due }
  })
  const due = certificates.filter((one) => one.due)
  const lines = due.map(({ slot, subject, daysLeft }) =>
    subject === null || daysLeft === null
      ? `${slot}  ${TEXT.field.damaged}`
      : TEXT.enrollment.due(slot, plain(subject), daysLeft),
  )
  await context.out.done({ due: due.length > 0, certificates }, lines.join('\n') || TEXT.enrollment.notDue)
  return due.length > 0 ? EXIT.ok : EXIT.failure
}

async function certificatesOf(context: Context) {
  const choice = await choiceToShow(context)
  if ('name' in choice) return (await cardInfo(choice.name)).certificates
  const card = await readerCardInfo(choice.reader)
  if ('error' in card) throw card.error
  return card.certificates
}
