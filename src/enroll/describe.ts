// What a certificate is, for a person or a program to look at.
import { X509Certificate } from 'node:crypto'
import { CardError } from '../errors.ts'
import { TlvError } from '../iso7816/tlv.ts'
import { type Certificate, readCertificate } from '../x509/certificate.ts'
import { formatName } from '../x509/name-text.ts'

export interface CertificateDescription {
  /** As RFC 4514 writes names. */
  readonly subject: string
  readonly issuer: string
  /** In lower-case hex digits. */
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** SHA-256 of the certificate, in lower-case hex digits. */
  readonly fingerprint: string
}

/** @throws CardError ERR_DATA for what is no certificate */
export function describeCertificate(der: Uint8Array): CertificateDescription {
  const { serialNumber, notBefore, notAfter, ...read } = parsed(der)
  const fingerprint = new X509Certificate(der).fingerprint256.replaceAll(':', '').toLowerCase()
  const [subject, issuer] = [formatName(read.subject), formatName(read.issuer)]
  return { subject, issuer, serialNumber, notBefore, notAfter, fingerprint }
}

function parsed(der: Uint8Array): Certificate {
  try {
    new X509Certificate(der)
    return readCertificate(der)
  } catch (cause) {
    const why = cause instanceof TlvError ? `: ${cause.message}` : ''
    throw new CardError('ERR_DATA', `This is not an X.509 certificate in DER${why}.`, { cause })
  }
}
