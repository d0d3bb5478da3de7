// Whom a certificate signs in: by the address that stands in it.
import { type CertificateDescription, describeCertificate } from '../enroll/describe.ts'
import { CardError } from '../errors.ts'
import { sameAddress } from './address.ts'

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
