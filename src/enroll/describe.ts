// What a certificate is, for a person or a program to look at.
import { type KeyObject, X509Certificate } from 'node:crypto'
import { equal } from '../bytes.ts'
import { CardError } from '../errors.ts'
import { TlvError, unwrap } from '../iso7816/tlv.ts'
import { algorithmOf, fromKeyObject } from '../piv/public-key.ts'
import { signatureFacts } from '../x509/algorithms.ts'
import { type AlternativeNames, readAlternativeNames, readSecurityIdentifier } from '../x509/alternative-names.ts'
import { type Certificate, readCertificate } from '../x509/certificate.ts'
import { EXTENSIONS } from '../x509/extensions.ts'
import { formatName } from '../x509/name-text.ts'
import { readPurposes } from '../x509/purposes.ts'
import { type KeyUsage, readUsages } from './usage.ts'

export interface CertificateDescription extends Required<AlternativeNames> {
  /** As RFC 4514 writes names. */
  readonly subject: string
  readonly issuer: string
  /** Issued by itself. */
  readonly selfSigned: boolean
  /** In lower-case hex digits. */
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** `P-256`, `RSA-2048`, …; what Node calls it where a card has no such key. */
  readonly algorithm: string
  /** `ECDSA with SHA-256`. */
  readonly signature: string
  /** Of the signature; undefined where it is not known here. */
  readonly hash: string | undefined
  /** What the key may do; undefined: whatever it can. */
  readonly usages: readonly KeyUsage[] | undefined
  /** What it may be used for, by the names of `PURPOSES` or object identifiers; undefined: for everything. */
  readonly purposes: readonly string[] | undefined
  /** Security identifier of an account in Windows. */
  readonly sid: string | undefined
  /** The certificate of a CA. */
  readonly ca: boolean
  /** SHA-256 of the certificate, in lower-case hex digits. */
  readonly fingerprint: string
}

/** @param der the certificate @throws CardError ERR_DATA for what is no certificate */
export function describeCertificate(der: Uint8Array): CertificateDescription {
  return wellFormed(der, (x509) => {
    const read = readCertificate(der)
    const { name, hash } = signatureFacts(read.signatureAlgorithm, read.signatureParameters)
    const extension = <T>(id: keyof typeof EXTENSIONS, reader: (value: Uint8Array) => T): T | undefined => {
      const found = read.extensions.find((one) => one.id === EXTENSIONS[id])
      return found && reader(found.value)
    }
    return {
      ...facts(read),
      algorithm: keyAlgorithm(x509.publicKey),
      signature: hash === undefined || name === 'Ed25519' ? name : `${name} with ${hash}`,
      hash,
      usages: extension('keyUsage', readUsages),
      purposes: extension('purposes', readPurposes),
      sid: extension('securityIdentifier', readSecurityIdentifier),
      ...(extension('alternativeNames', readAlternativeNames) ?? NO_NAMES),
      ca: x509.ca,
      fingerprint: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
    }
  })
}

const NO_NAMES: Required<AlternativeNames> = { email: [], upn: [], principal: [], dns: [], uri: [] }

function facts({ serialNumber, notBefore, notAfter, subject, issuer }: Certificate) {
  const names = { subject: formatName(subject), issuer: formatName(issuer), selfSigned: equal(subject, issuer) }
  return { ...names, serialNumber, notBefore, notAfter }
}

/** The key algorithm of a certificate or key by the name that cards have for it, or Node's. */
export function keyAlgorithm(key: KeyObject): string {
  try {
    const known = algorithmOf(fromKeyObject(key))
    if (known !== undefined) return known
  } catch (error) {
    if (!(error instanceof TlvError)) throw error
  }
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  return modulusLength === undefined ? (namedCurve ?? key.asymmetricKeyType ?? 'unknown') : `RSA-${modulusLength}`
}

/** Runs `work` with a certificate that OpenSSL takes. @throws CardError ERR_DATA */
function wellFormed<T>(der: Uint8Array, work: (x509: X509Certificate) => T): T {
  try {
    unwrap(der, 0x30)
    return work(new X509Certificate(der))
  } catch (cause) {
    const why = cause instanceof TlvError ? `: ${cause.message}` : ''
    throw new CardError('ERR_DATA', `This is not an X.509 certificate in DER${why}.`, { cause })
  }
}
