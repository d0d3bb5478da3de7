// Renewals that failed while nobody watched, and what a later command says of them.
import type { ListedCertificate } from '../cards/index.ts'
import { clock } from '../dates.ts'
import { failedRenewals, forgetFailedRenewal, noteFailedRenewal } from '../enroll/failed-renewals.ts'
import { isError } from '../errors.ts'
import { TEXT } from './messages.ts'
import type { Output } from './output.ts'

/**
 * Says which renewals failed. Those of a card or a certificate that is gone are forgotten, unless a card file cannot be read
 * just now, which may be the one.
 */
export async function tellFailedRenewals(out: Output): Promise<void> {
  const failed = await failedRenewals()
  if (failed.length === 0) return
  const { listCards } = await import('../cards/index.ts')
  const cards = await listCards({ filesOnly: true })
  const isWhole = cards.every(({ state }) => state !== 'unreadable')
  for (const { cardId, slot, at, message, notAfter } of failed) {
    const card = cards.find((one) => 'cardId' in one && one.cardId === cardId)
    const certificates = card !== undefined && 'certificates' in card ? card.certificates : []
    const isStillThere = certificates.some((one) => one.slot === slot && endOf(one) === notAfter)
    if (card !== undefined && isStillThere)
      await out.warn(TEXT.enrollment.renewalFailed(card.name, slot, clock(new Date(at)), message))
    else if (isWhole) await forgetFailedRenewal(cardId, slot)
  }
}

const endOf = (one: ListedCertificate): string | null => ('error' in one ? null : one.notAfter)

/** Keeps why a renewal failed, for the next command at a terminal. */
export async function noteFailure(name: string, slot: string, error: unknown): Promise<void> {
  try {
    const { cardInfo } = await import('../cards/index.ts')
    const { cardId, certificates } = await cardInfo(name)
    const certificate = certificates.find((one) => one.slot === slot)
    if (certificate === undefined) return
    const message = isError(error) ? error.message : ''
    await noteFailedRenewal({ cardId, slot, at: new Date().toISOString(), message, notAfter: endOf(certificate) })
  } catch {
    // The renewal's own error counts more, and the journal of systemd has it too.
  }
}
