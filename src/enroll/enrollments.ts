/** Enrolling: a certificate from a CA for a key on a card, in one call that can be made again. */

import { files } from '../files/files.ts'
import { Home } from '../home/home.ts'
import { processLocks } from '../home/locks.ts'
import type { Card } from '../piv/host/card.ts'
import { parseSlot } from '../piv/slots.ts'
import { type Abandoned, abandon } from './abandon.ts'
import { enrol } from './enroll.ts'
import type { EnrollOptions, EnrollResult } from './enroll-options.ts'
import { cardIdOf } from './identity.ts'
import { type Enrolment, Enrolments } from './state.ts'

export interface EnrollPlace {
  /** Folder in which enrolments under way are kept. Else $TESSERA_HOME, else $XDG_DATA_HOME/tessera. */
  readonly home?: string
}

/**
 * Has a CA certify a key on a card, and puts the certificate beside it: a new key, or the one that is in the slot. An
 * enrolment that ended in the middle, or waits for the CA to decide, goes on with the same call. The old key and its
 * certificate stay until the new certificate is known to be right and the new key has signed.
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
 * Gives up what `enroll` has begun: its new key goes, and the card is as it was before. One that has begun to put the new
 * key or certificate into the slot is finished instead, and says so.
 * @throws as `enroll`
 */
export async function abandonEnrollment(
  card: Card,
  slot: string,
  { home, authorize }: EnrollPlace & { readonly authorize?: () => Promise<void> } = {},
): Promise<(PendingEnrollment & Abandoned) | undefined> {
  const found = await abandon(card, slot, authorize === undefined ? {} : { authorize }, enrolmentsOf(home))
  return found && { ...summaryOf(found), finished: found.finished, keyLeft: found.keyLeft }
}

export interface PendingEnrollment {
  readonly slot: string
  readonly step: Enrolment['step']
  readonly started: Date
  /** Which CA has the request, where one has. */
  readonly ca: string | undefined
  /** When to ask it again, where it has not decided. */
  readonly askAfter: Date | undefined
}

/** The enrolment that is under way for a slot; undefined where none is. */
export async function pendingEnrollment(
  card: Card,
  slot: string,
  { home }: EnrollPlace = {},
): Promise<PendingEnrollment | undefined> {
  const found = await enrolmentsOf(home).look(await cardIdOf(card), parseSlot(slot))
  return found && summaryOf(found)
}

function summaryOf({ slot, step, started, ca, pending }: Enrolment): PendingEnrollment {
  return { slot, step, started: new Date(started), ca, askAfter: pending && new Date(pending.askAfter) }
}

function enrolmentsOf(home: string | undefined): Enrolments {
  return new Enrolments(new Home(home).enrolments, files, processLocks())
}
