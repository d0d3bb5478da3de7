/** Enrolment: a certificate from a CA for a key on a card, in one call that can be repeated. */

import { files } from '../files/files.ts'
import { Home } from '../home/home.ts'
import { processLocks } from '../home/locks.ts'
import type { Card } from '../piv/host/card.ts'
import { parseSlot } from '../piv/slots.ts'
import { abandon, type Damaged, type Undone } from './abandon.ts'
import { enrol } from './enroll.ts'
import type { EnrollOptions, EnrollResult } from './enroll-options.ts'
import { cardIdOf } from './identity.ts'
import { type Enrolment, Enrolments } from './state.ts'

export interface EnrollPlace {
  /** Folder for enrolments under way. Defaults to $TESSERA_HOME, else $XDG_DATA_HOME/tessera. */
  readonly home?: string
}

/**
 * Has a CA certify a key on a card, new or already in the slot, and stores the certificate with it. After an interruption,
 * or while the CA decides, the same call continues the enrolment. Where the answer to a request is lost, the call makes no
 * second one (ERR_CA_ANSWER_LOST). With EST it hands the very same request in again, since EST has no other way to ask; a CA
 * that issues at once may issue a second certificate for the same key. The old key and its certificate stay until the new
 * certificate has been checked and the new key has signed.
 * @throws CaError; CardError ERR_KEY_ABSENT, ERR_NOT_SUPPORTED; PinError; UsageError; FileError ERR_CARD_BUSY while another
 * process enrols into the slot
 * @example
 * const ca = estProtocol({ url: 'https://ca.example.com', ca: pem, credentials: { user: 'maria', password } })
 * const result = await enroll(card, { ca, slot: '9a', subject: 'CN=Maria Example', pin })
 */
export function enroll(card: Card, { home, ...options }: EnrollOptions & EnrollPlace): Promise<EnrollResult> {
  return enrol(card, options, enrolmentsOf(home))
}

/**
 * Abandons what `enroll` has begun: its new key is removed, and the card is as it was before. The CA is not told. An
 * enrolment that has begun to put the new key or certificate into the slot is finished instead, and the result says so. A
 * damaged enrolment file is removed.
 * @throws as `enroll`
 */
export async function abandonEnrollment(
  card: Card,
  slot: string,
  { home, authorize }: EnrollPlace & { readonly authorize?: () => Promise<void> } = {},
): Promise<AbandonedEnrollment | undefined> {
  const found = await abandon(card, slot, authorize === undefined ? {} : { authorize }, enrolmentsOf(home))
  if (found === undefined || found.damaged) return found
  return { ...summaryOf(found), finished: found.finished, keyLeft: found.keyLeft, damaged: false }
}

/** What was given up. Where its file was damaged, nothing else is known of it. */
export type AbandonedEnrollment =
  | (PendingEnrollment & Undone & { readonly damaged: false })
  | (Damaged & { readonly [Name in Exclude<keyof PendingEnrollment, 'slot'>]?: undefined })

export interface PendingEnrollment {
  readonly slot: string
  readonly step: Enrolment['step']
  readonly started: Date
  /** The CA that has the request, if any. */
  readonly ca: string | undefined
  /** The CA's number of the request, if it has given one and has not decided. */
  readonly id: string | undefined
  /** When to ask the CA again, if it has not decided. */
  readonly askAfter: Date | undefined
}

/** The enrolment under way for a slot; undefined if there is none. */
export async function pendingEnrollment(
  card: Card,
  slot: string,
  { home }: EnrollPlace = {},
): Promise<PendingEnrollment | undefined> {
  const found = await enrolmentsOf(home).look(await cardIdOf(card), parseSlot(slot))
  return found && summaryOf(found)
}

function summaryOf({ slot, step, started, ca, pending }: Enrolment): PendingEnrollment {
  const askAfter = pending && new Date(pending.askAfter)
  return { slot, step, started: new Date(started), ca, id: pending?.id, askAfter }
}

function enrolmentsOf(home: string | undefined): Enrolments {
  return new Enrolments(new Home(home).enrolments, files, processLocks())
}
