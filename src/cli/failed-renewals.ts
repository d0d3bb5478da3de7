// Renewals that failed while nobody watched, and what a later command says of them.
import type { ListedCertificate } from '../cards/index.ts'
import { clock } from '../dates.ts'
import { failedRenewals, forgetFailedRenewal, noteFailedRenewal } from '../enroll/failed-renewals.ts'
import { isError } from '../errors.ts'
import { TEXT } from './messages.ts'
import type { Output } from './output.ts'
import { plain } from './plain.ts'

/**
 * Says which renewals failed. Those of a card or a certificate that is gone are forgotten, unless a card file cannot be read
 * just now, which may be the one. A card in a reader is not asked: a renewal that succeeds forgets those of its slot.
 */
export async function tellFailedRenewals(out: Output): Promise<void> {
  const failed = await failedRenewals()
  if (failed.length === 0) return
  const { listCards } = await import('../cards/index.ts')
  const cards = await listCards({ filesOnly: true })
  const isWhole = cards.every(({ state }) => state !== 'unreadable')
  for (const { cardId, slot, at, message, notAfter, card: inReader } of failed) {
    if (inReader !== undefined) {
      await out.warn(TEXT.enrollment.renewalFailed(plain(inReader), slot, clock(new Date(at)), message))
      continue
    }
    const card = cards.find((one) => 'cardId' in one && one.cardId === cardId)
    const certificates = card !== undefined && 'certificates' in card ? card.certificates : []
    const isStillThere = certificates.some((one) => one.slot === slot && endOf(one) === notAfter)
    if (card !== undefined && isStillThere)
      await out.warn(TEXT.enrollment.renewalFailed(card.name, slot, clock(new Date(at)), message))
    else if (isWhole) await forgetFailedRenewal(cardId, slot)
  }
}

const endOf = (one: ListedCertificate): string | null => ('error' in one ? null : one.notAfter)

/** A card whose certificate was not renewed. */
interface Failed {
  /** As --card names it. */
  readonly name: string
  readonly cardId: string
  readonly inReader: boolean
}

/** Keeps why a renewal failed, for the next command at a terminal. */
export async function noteFailure(
  { name, cardId, inReader }: Failed,
  certificate: ListedCertificate,
  error: unknown,
): Promise<void> {
  const { slot } = certificate
  const message = isError(error) ? error.message : ''
  const note = { cardId, slot, at: new Date().toISOString(), message, notAfter: endOf(certificate) }
  // The renewal's own error counts more, and the journal of systemd has it too.
  await noteFailedRenewal({ ...note, ...(inReader && { card: name }) }).catch(() => undefined)
}

/** Forgets the failures of a card in a reader whose timer was removed. */
export async function forgetFailuresOf(name: string, slot: string): Promise<void> {
  for (const failed of await failedRenewals())
    if (failed.card === name && failed.slot === slot) await forgetFailedRenewal(failed.cardId, slot)
}
