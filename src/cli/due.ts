// Certificates near their end, from the file of the card: no TPM is needed. A card in a reader is asked.
import { cardInfo, type ListedCertificate, readerCardInfo } from '../cards/index.ts'
import { idByName } from '../enroll/identity.ts'
import { DUE_DAYS, expiryOf } from '../enroll/renewal.ts'
import { CardError, PcscError } from '../errors.ts'
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

/** The card of a renewal that nobody watches. */
interface Watched {
  /** As --card names it. */
  readonly name: string
  readonly cardId: string
  readonly inReader: boolean
  readonly certificates: readonly ListedCertificate[]
}

/** A card in a reader need not be there: its reader may be empty, or not plugged in. */
const NOT_THERE: readonly string[] = ['ERR_READER_NOT_FOUND', 'ERR_CARD_REMOVED']

/** Why nothing can be looked at now, in words, if the card is not there. */
async function watchedCard(context: Context): Promise<Watched | string> {
  const choice = await choiceToShow(context)
  if ('name' in choice) return { ...(await cardInfo(choice.name)), inReader: false }
  const name = `reader:${choice.reader}`
  const card = await readerCardInfo(choice.reader).catch((error: unknown) => {
    if (error instanceof PcscError && NOT_THERE.includes(error.code)) return undefined
    throw error
  })
  if (card === undefined) return TEXT.enrollment.notThere(name)
  if ('error' in card) throw card.error
  const { cardId = idByName(card.name), certificates } = card
  return { name, cardId, inReader: true, certificates }
}

/** Renews only if the certificate is due, and keeps why that failed: nobody may be watching. */
export async function ifDue(context: Context, slot: string, renew: () => Promise<ExitCode>): Promise<ExitCode> {
  const { options, out, signal } = context
  const found = await watchedCard(context)
  const card =
    typeof found === 'string' || isMeant(found, options.cardId) ? found : TEXT.enrollment.otherCard(found.name)
  if (typeof card === 'string') {
    await out.done({ state: 'absent', slot }, card)
    return EXIT.ok
  }
  const certificate = card.certificates.find((one) => one.slot === slot)
  if (certificate === undefined) throw new CardError('ERR_CERTIFICATE_ABSENT', TEXT.error.noCert(slot))
  if (!dueOf(certificate, options.within).due) {
    await out.done({ state: 'not-due', slot }, TEXT.enrollment.notDue)
    return EXIT.ok
  }
  try {
    return await renew()
  } catch (error) {
    if (!signal.aborted) await noteFailure(card, certificate, error)
    throw error
  }
}

const isMeant = ({ cardId }: Watched, meant = cardId): boolean => cardId === meant.toLowerCase()

/** As --card names it. */
export async function chosenName(context: Context): Promise<string> {
  const choice = await choiceToShow(context)
  return 'name' in choice ? choice.name : `reader:${choice.reader}`
}
