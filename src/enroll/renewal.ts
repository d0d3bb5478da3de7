// Certificates that run out: when that is, and what a request for the next one asks for.
import type { CertificateContent } from './content.ts'
import { type CertificateDescription, describeCertificate } from './describe.ts'

/** How many days before its end a certificate is due, unless somebody says otherwise. */
export const DUE_DAYS = 30
const DAY = 24 * 60 * 60 * 1000

export interface Expiry {
  readonly notAfter: Date
  /** Whole days until then; negative when it is over. */
  readonly daysLeft: number
  readonly due: boolean
}

export function expiryOf(
  { notAfter }: Pick<CertificateDescription, 'notAfter'>,
  days = DUE_DAYS,
  now = new Date(),
): Expiry {
  const left = notAfter.getTime() - now.getTime()
  return { notAfter, daysLeft: Math.floor(left / DAY), due: left < days * DAY }
}

/** What a certificate says of its holder, to be asked for again. @throws CardError ERR_DATA */
export function contentOfCertificate(der: Uint8Array): CertificateContent {
  const { subject, email, upn, principal, sid, purposes } = describeCertificate(der)
  const found = { subject, email: email[0], upn: upn[0], principal: principal[0], sid, purposes }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}
