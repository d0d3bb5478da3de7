// Describes a certificate, for a person or a program.
import { type KeyObject, X509Certificate } from 'node:crypto'
import { equal, hex } from '../bytes.ts'
import { CardError } from '../errors.ts'
import { ifWellFormed } from '../iso7816/tlv.ts'
import { algorithmOf, fromKeyObject } from '../piv/public-key.ts'
import { signatureFacts } from '../x509/algorithms.ts'
import { type AlternativeNames, readSecurityIdentifier, understoodNames } from '../x509/alternative-names.ts'
import { firstElement, toDer } from '../x509/ber.ts'
import { type Certificate, extensionIn, readCertificate } from '../x509/certificate.ts'
import type { EXTENSIONS } from '../x509/extensions.ts'
import { formatName } from '../x509/name-text.ts'
import { readPurposes } from '../x509/purposes.ts'
import { NO_TIME } from '../x509/time.ts'
import { type KeyUsage, readUsages } from '../x509/usages.ts'

const EMPTY = new Uint8Array(0)

export interface CertificateDescription extends Required<AlternativeNames> {
  /** As RFC 4514 writes names. */
  readonly subject: string
  readonly issuer: string
  /** Subject and issuer are the same. */
  readonly selfSigned: boolean
  /** In lower-case hex digits. */
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** `P-256`, `RSA-2048`, …; Node's name for an algorithm that cards do not have. */
  readonly algorithm: string
  /** `ECDSA with SHA-256`. */
  readonly signature: string
  /** Hash of the signature; undefined for an unknown algorithm. */
  readonly hash: string | undefined
  /** What the key may do; undefined: no restriction. */
  readonly usages: readonly KeyUsage[] | undefined
  /** Purposes, by the names of `PURPOSES` or object identifiers; undefined: no restriction. */
  readonly purposes: readonly string[] | undefined
  /** Security identifier of an account in Windows. */
  readonly sid: string | undefined
  /** The certificate of a CA. */
  readonly ca: boolean
  /** SHA-256 of the certificate, in lower-case hex digits. */
  readonly fingerprint: string
  /** Parts that break RFC 5280 or cannot be parsed; empty for an ordinary certificate. */
  readonly oddities: readonly string[]
}

/**
 * Describes anything that OpenSSL accepts as a certificate. Parts that cannot be parsed are listed as oddities, and
 * count as allowing nothing.
 * @param der the certificate
 * @throws CardError ERR_DATA for anything but a certificate
 */
export function describeCertificate(der: Uint8Array): CertificateDescription {
  const x509 = openX509(der)
  const read = ifWellFormed(() => readCertificate(der)) ?? coarse(x509)
  const oddities = [...read.oddities]
  const { name, hash } = signatureFacts(read.signatureAlgorithm, read.signatureParameters)
  const part = <T>(
    id: keyof typeof EXTENSIONS,
    what: string,
    reader: (value: Uint8Array) => T,
    otherwise: T,
  ): T | undefined => {
    const found = extensionIn(read, id)
    if (found === undefined) return undefined
    const first = ifWellFormed(() => firstElement(found.value)) ?? EMPTY
    if (first.length > 0 && first.length < found.value.length) oddities.push(`there are octets after its ${what}`)
    const value = ifWellFormed(() => reader(ifWellFormed(() => toDer(first)) ?? first))
    if (value === undefined) oddities.push(`its ${what} are not understood`)
    return value ?? otherwise
  }
  const names = part('alternativeNames', 'alternative names', understoodNames, { names: NO_NAMES, not: 0 })
  if (names !== undefined && names.not > 0) oddities.push(`${names.not} of its alternative names are not understood`)
  return {
    ...facts(read),
    algorithm: keyAlgorithm(x509),
    signature: hash === undefined || name === 'Ed25519' ? name : `${name} with ${hash}`,
    hash,
    usages: part('keyUsage', 'key usages', readUsages, []),
    purposes: part('purposes', 'purposes', readPurposes, []),
    sid: part('securityIdentifier', 'security identifiers', (value) => readSecurityIdentifier(value) ?? '', ''),
    ...(names?.names ?? NO_NAMES),
    ca: x509.ca,
    fingerprint: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
    oddities,
  }
}

const NO_NAMES: Required<AlternativeNames> = { email: [], upn: [], principal: [], dns: [], uri: [] }

/** For a certificate with misplaced parts: what OpenSSL reports about it. */
function coarse({ serialNumber, validFrom, validTo }: X509Certificate): Certificate {
  const date = (text: string) => (Number.isNaN(Date.parse(text)) ? NO_TIME : new Date(text))
  const nothing = { spki: EMPTY, signatureParameters: undefined, extensions: [] }
  return {
    ...nothing,
    ...{
      serialNumber: serialNumber.toLowerCase(),
      issuer: EMPTY,
      subject: EMPTY,
      signatureAlgorithm: 'not understood',
    },
    ...{ notBefore: date(validFrom), notAfter: date(validTo) },
    oddities: ['its parts are not understood'],
  }
}

function facts({ serialNumber, notBefore, notAfter, subject, issuer }: Certificate) {
  const selfSigned = subject.length > 0 && equal(subject, issuer)
  return { subject: showName(subject), issuer: showName(issuer), selfSigned, serialNumber, notBefore, notAfter }
}

/** A name as RFC 4514 writes it; its octets if it cannot be parsed. */
const showName = (der: Uint8Array): string =>
  ifWellFormed(() => formatName(der)) ?? (der.length === 0 ? '' : `#${hex(der)}`)

/** The key algorithm of a certificate or key: the name that cards use, else Node's. */
export function keyAlgorithm(of: KeyObject | X509Certificate): string {
  const key = of instanceof X509Certificate ? publicKeyOf(of) : of
  if (key === undefined) return 'unknown'
  const known = ifWellFormed(() => algorithmOf(fromKeyObject(key)))
  if (known !== undefined) return known
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  return modulusLength === undefined ? (namedCurve ?? key.asymmetricKeyType ?? 'unknown') : `RSA-${modulusLength}`
}

/** Undefined for a type of key that OpenSSL does not support. */
function publicKeyOf(x509: X509Certificate): KeyObject | undefined {
  try {
    return x509.publicKey
  } catch {
    return undefined
  }
}

function openX509(der: Uint8Array): X509Certificate {
  try {
    const x509 = new X509Certificate(der)
    // OpenSSL reads PEM too, and ignores data after a certificate.
    if (firstElement(der).length === der.length) return x509
  } catch (cause) {
    throw new CardError('ERR_DATA', 'This is not an X.509 certificate in DER.', { cause })
  }
  throw new CardError('ERR_DATA', 'This is not an X.509 certificate in DER: there are octets after it.')
}
