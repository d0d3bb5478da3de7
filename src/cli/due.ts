// Certificates near their end, from the file of the card: no TPM is needed. A card in a reader is asked.
import { cardInfo, type ListedCertificate, readerCardInfo } from '../cards/index.ts'
import { DUE_DAYS, expiryOf } from '../enroll/renewal.ts'
import { CardError } from '../errors.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { noteFailure } from './failed-renewals.ts'
import { TEXT } from './messages.ts'
import { choiceToShow } from './select.ts'

/** A certificate that cannot be read is due. */
export function dueOf(one: ListedCertificate, days: number = DUE_DAYS) {
  if ('error' in one) return { slot: one.slot, subject: null, notAfter: null, daysLeft: null, due: true }
  const { daysLeft, due } = expiryOf({ notAfter: new Date(one.notAfter) }, days)
  return { slot: one.slot, subject: one.subject, notAfter: one.notAfter, daysLeft, due }
}

/** The certificate in one slot, or all. @throws CardError ERR_CERTIFICATE_ABSENT if there is none */
export async function listedCertificates(context: Context, slot?: string): Promise<readonly ListedCertificate[]> {
  const all = (await certificatesOf(context)).filter((one) => slot === undefined || one.slot === slot)
  if (all.length > 0) return all
  throw new CardError('ERR_CERTIFICATE_ABSENT', slot ? TEXT.error.noCert(slot) : TEXT.done.noCerts)
}

async function certificatesOf(context: Context): Promise<readonly ListedCertificate[]> {
  const choice = await choiceToShow(context)
  if ('name' in choice) return (await cardInfo(choice.name)).certificates
  const card = await readerCardInfo(choice.reader)
  if ('error' in card) throw card.error
  return card.certificates
}

/** Renews only if the certificate is due, and keeps why that failed: nobody may be watching. */
export async function ifDue(context: Context, slot: string, renew: () => Promise<ExitCode>): Promise<ExitCode> {
  const name = await nameInTpm(context)
  const [certificate] = await listedCertificates(context, slot)
  if (certificate !== undefined && !dueOf(certificate, context.options.within).due) {
    await context.out.done({ state: 'not-due', slot }, TEXT.enrollment.notDue)
    return EXIT.ok
  }
  try {
    return await renew()
  } catch (error) {
    if (!context.signal.aborted) await noteFailure(name, slot, error)
    throw error
  }
}

/** @throws CardError ERR_NOT_SUPPORTED for a card in a reader, which need not be there when its time has come */
export async function nameInTpm(context: Context): Promise<string> {
  const choice = await choiceToShow(context)
  if ('name' in choice) return choice.name
  throw new CardError('ERR_NOT_SUPPORTED', TEXT.error.reader)
}
