// The request of an enrolment: what it asks for, and what the enrolment's file stores of it.
import { sha256 } from '../bytes.ts'
import { CaError } from '../errors.ts'
import { parseHash } from '../piv/algorithms.ts'
import { LONGEST_CERTIFICATE } from '../piv/certificate.ts'
import type { Slot } from '../piv/slots.ts'
import type { EnrollOptions, EnrollResult } from './enroll-options.ts'
import { type CaAnswer, type Issued, LONGEST_WAIT, type PendingRequest } from './protocol.ts'
import { type Enrolment, MOST_ABOVE } from './state.ts'

/** Seconds until the CA is asked again, if it does not say. */
const ASK_AGAIN = 30

/** SHA-256 of what is asked for, and of which CA. */
export function askedOf(options: EnrollOptions): Uint8Array {
  const { ca, onBehalfOf, subject, email, upn, principal, sid, purposes, template, hash, padding } = options
  const parsed = hash && parseHash(hash)
  const forWhom = onBehalfOf === undefined ? [] : [onBehalfOf.user]
  const asked = [ca.name, subject, email, upn, principal, sid, purposes, template, parsed, padding, ...forWhom]
  return sha256(JSON.stringify(asked))
}

/** Keeps the key, to ask for something else with it. */
export function withoutRequest({
  request: _,
  asked: __,
  pending: ___,
  ca: ____,
  template: _____,
  friendlyName: ______,
  ...kept
}: Enrolment): Enrolment {
  return { ...kept, step: 'reserved' }
}

export const toAsk = ({ id, retryAfter }: NonNullable<Enrolment['pending']>): PendingRequest => ({
  id,
  ...(retryAfter !== undefined && { retryAfter }),
})

export function pendingResult(slot: Slot, { pending }: Enrolment): EnrollResult {
  const { id = '', askAfter = new Date().toISOString() } = pending ?? {}
  return { state: 'pending', slot, id, askAfter: new Date(askAfter) }
}

/** Waiting at the CA under this number. @throws CaError ERR_CA_ANSWER for one that the file cannot have */
export function withNumber(at: Enrolment, { id, retryAfter }: PendingRequest): Enrolment {
  assertBounded({ pending: { id, ...(retryAfter !== undefined && { retryAfter }) } })
  const askAfter = new Date(Date.now() + (retryAfter ?? ASK_AGAIN) * 1000).toISOString()
  return { ...at, step: 'pending', pending: { id, askAfter, ...(retryAfter !== undefined && { retryAfter }) } }
}

/** Checks an answer against the limits of the enrolment's file. @throws CaError ERR_CA_ANSWER */
export function assertBounded(answer: CaAnswer): void {
  if ('denied' in answer || ('pending' in answer ? isKept(answer.pending) : areKept(answer))) return
  throw new CaError(
    'ERR_CA_ANSWER',
    'The answer of the CA is longer than an enrolment can keep, or malformed. Tell the people who run the CA.',
  )
}

const isKept = ({ id, retryAfter = 0 }: PendingRequest): boolean =>
  id.length >= 1 && id.length <= 1024 && Number.isInteger(retryAfter) && retryAfter >= 0 && retryAfter <= LONGEST_WAIT

const areKept = ({ certificate, chain }: Issued): boolean =>
  chain.length <= MOST_ABOVE &&
  [certificate, ...chain].every(({ length }) => length > 0 && length <= LONGEST_CERTIFICATE)
