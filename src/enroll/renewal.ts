// Certificates near their end: when that is, and what a request for renewal copies from them.
import { DAY } from '../dates.ts'
import { CardError } from '../errors.ts'
import { TlvError } from '../iso7816/tlv.ts'
import { type Certificate, readCertificate } from '../x509/certificate.ts'
import type { CertificateDescription } from './describe.ts'

/** How many days before its end a certificate is due, by default. */
export const DUE_DAYS = 30

export interface Expiry {
  readonly notAfter: Date
  /** Whole days until then; negative after the end. */
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

/** @throws CardError ERR_DATA */
export function certificateToRenew(der: Uint8Array): Certificate {
  try {
    return readCertificate(der)
  } catch (cause) {
    if (!(cause instanceof TlvError)) throw cause
    const message = `The certificate that is to be renewed is not understood: ${cause.message}. Enrol anew: delete it first.`
    throw new CardError('ERR_DATA', message, { cause })
  }
}
