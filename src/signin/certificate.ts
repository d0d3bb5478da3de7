// Whether a certificate signs somebody in: by its dates, by what it is for, and by the address that stands in it.

import { type CertificateDescription, describeCertificate } from '../enroll/describe.ts'
import { CardError } from '../errors.ts'
import { sameAddress } from './address.ts'

const PURPOSES = ['client-authentication', 'any']
const day = (date: Date): string => date.toISOString().slice(0, 10)

/** The certificate in words; undefined for one that cannot be read. */
export function described(certificate: Uint8Array): CertificateDescription | undefined {
  try {
    return describeCertificate(certificate)
  } catch (error) {
    if (error instanceof CardError) return undefined
    throw error
  }
}

/** Whom it is for: the UPNs, then the e-mail addresses. */
export const addressesIn = ({ upn, email }: CertificateDescription): readonly string[] => [
  ...new Set([...upn, ...email]),
]

export const isFor = (certificate: CertificateDescription, address: string): boolean =>
  addressesIn(certificate).some((one) => sameAddress(one, address))

/** Why nobody is signed in by it; undefined where nothing is in the way. */
export function unfitness(
  { notBefore, notAfter, purposes, usages, ca }: CertificateDescription,
  now = new Date(),
): string | undefined {
  if (notAfter < now) return `expired on ${day(notAfter)}`
  if (notBefore > now)
    return `not valid before ${notBefore.toISOString()}, and the clock of this machine says otherwise`
  if (purposes !== undefined && !purposes.some((one) => PURPOSES.includes(one)))
    return `for ${purposes.join(', ')}, and not for client authentication`
  if (usages !== undefined && !usages.includes('digitalSignature'))
    return 'not for signatures that prove who somebody is'
  if (ca) return 'the certificate of a CA'
  return undefined
}
