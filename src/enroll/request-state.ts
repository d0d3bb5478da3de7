// The request of an enrolment: what it asks for, what its file keeps of it.
import { createHash } from 'node:crypto'
import { unwrap } from '../iso7816/tlv.ts'
import type { Slot } from '../piv/slots.ts'
import { Parts } from '../x509/parts.ts'
import type { EnrollOptions, EnrollResult } from './enroll-options.ts'
import type { PendingRequest } from './protocol.ts'
import type { Enrolment } from './state.ts'

/** What is asked for, and of whom: SHA-256. */
export function askedOf(options: EnrollOptions): Uint8Array {
  const { ca, subject, email, upn, principal, sid, purposes, template, hash, padding } = options
  const asked = [ca.name, subject, email, upn, principal, sid, purposes, template, hash, padding]
  return Uint8Array.from(createHash('sha256').update(JSON.stringify(asked)).digest())
}

/** The key stays, and asks for something else. */
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

/** SubjectPublicKeyInfo of a request, RFC 2986, 4.1. */
export function spkiOf(request: Uint8Array = new Uint8Array(0)): Uint8Array {
  const info = new Parts(new Parts(unwrap(request, 0x30)).take(0x30))
  info.take(0x02)
  info.take(0x30)
  return info.takeWhole(0x30)
}

export const toAsk = ({ id, retryAfter }: NonNullable<Enrolment['pending']>): PendingRequest => ({
  id,
  ...(retryAfter !== undefined && { retryAfter }),
})

export function pendingResult(slot: Slot, { pending }: Enrolment): EnrollResult {
  const { id = '', askAfter = new Date().toISOString() } = pending ?? {}
  return { state: 'pending', slot, id, askAfter: new Date(askAfter) }
}
