// The request of an enrolment: what it asks for, and what the enrolment's file stores of it.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { sha256 } from '../bytes.ts'
import { CaError } from '../errors.ts'
import { unwrap } from '../iso7816/tlv.ts'
import { LONGEST_CERTIFICATE } from '../piv/certificate.ts'
import type { Slot } from '../piv/slots.ts'
import { Parts } from '../x509/parts.ts'
import type { EnrollOptions, EnrollResult } from './enroll-options.ts'
import type { CaAnswer, Issued, PendingRequest } from './protocol.ts'
import { type Enrolment, LONGEST_WAIT, MOST_ABOVE } from './state.ts'

/** SHA-256 of what is asked for, and of which CA. */
export function askedOf(options: EnrollOptions): Uint8Array {
  const { ca, subject, email, upn, principal, sid, purposes, template, hash, padding } = options
  const asked = [ca.name, subject, email, upn, principal, sid, purposes, template, hash, padding]
  return sha256(JSON.stringify(asked))
}

/** Keeps the key, to ask for something else with it. */
export function withoutRequest({
  request: _,
  asked: __,
  pending: ___,
  ca: ____,
  template: _____,
  ...kept
}: Enrolment): Enrolment {
  return { ...kept, step: 'reserved' }
}

/** The public key of a request: its SubjectPublicKeyInfo, RFC 2986, 4.1. */
export function keyOfRequest(request: Uint8Array = new Uint8Array(0)): KeyObject {
  const info = new Parts(new Parts(unwrap(request, 0x30)).take(0x30))
  info.take(0x02)
  info.take(0x30)
  return createPublicKey({ key: Buffer.from(info.takeWhole(0x30)), format: 'der', type: 'spki' })
}

export const toAsk = ({ id, retryAfter }: NonNullable<Enrolment['pending']>): PendingRequest => ({
  id,
  ...(retryAfter !== undefined && { retryAfter }),
})

export function pendingResult(slot: Slot, { pending }: Enrolment): EnrollResult {
  const { id = '', askAfter = new Date().toISOString() } = pending ?? {}
  return { state: 'pending', slot, id, askAfter: new Date(askAfter) }
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
