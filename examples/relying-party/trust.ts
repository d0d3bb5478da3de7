// Whether a certificate is good: issued by the CA, in time, for signing in, not revoked, and of a user. RFC 5280, 6.1,
// for chains of two: an intermediate CA that issues to users is named as a CA of the service itself.
import 'reflect-metadata'
import { type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as x509 from '@peculiar/x509'
import * as v from 'valibot'
import { Refusal } from './refusals.ts'
import type { Revocations } from './revocations.ts'
import { AddressSchema, type User, type Users } from './users.ts'

const CLIENT_AUTHENTICATION = '1.3.6.1.5.5.7.3.2'
const HASHES = ['SHA-256', 'SHA-384', 'SHA-512']
/** Extensions that are looked at here. One that is critical and none of these is refused: RFC 5280, 4.2. */
const KNOWN = { usage: '2.5.29.15', names: '2.5.29.17', constraints: '2.5.29.19', purposes: '2.5.29.37' } as const
const LONGEST = 8192

export interface Ca {
  readonly certificate: X509Certificate
  readonly parsed: x509.X509Certificate
}

/** Somebody who proved to be the holder of a good certificate (or will, by a signature). */
export interface Holder {
  readonly user: User
  readonly address: string
  readonly notAfter: Date
  readonly publicKey: KeyObject
}

/** The CAs of a file of PEM. @throws Error that names the file */
export function readCas(path: string): readonly Ca[] {
  const blocks = textOf(path).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const cas = blocks.map((pem) => ({ certificate: new X509Certificate(pem), parsed: new x509.X509Certificate(pem) }))
  if (cas.length === 0 || cas.some(({ certificate }) => !certificate.ca)) {
    throw new Error(`${path} has to hold certificates of CAs in PEM, and nothing else.`)
  }
  return cas
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch (cause) {
    throw new Error(`The file of the CAs cannot be read: ${(cause as Error).message}.`, { cause })
  }
}

/** A certificate in DER. @throws Refusal untrusted */
export function readCertificate(der: Uint8Array): X509Certificate {
  try {
    const certificate = new X509Certificate(der)
    // Node takes PEM as well, and octets behind the certificate.
    if (der.length <= LONGEST && certificate.raw.equals(der)) return certificate
  } catch {
    // said below
  }
  throw new Refusal('untrusted', { words: 'What was shown is no certificate.' })
}

export interface Trust {
  readonly cas: readonly Ca[]
  readonly revocations: Revocations
  readonly users: Users
  readonly now: () => number
}

/** @throws Refusal with the first reason that there is */
export async function holderOf(certificate: X509Certificate, trust: Trust): Promise<Holder> {
  const ca = issuerOf(certificate, trust)
  // From here on it is what a CA said, and no stranger.
  const parsed = new x509.X509Certificate(certificate.raw)
  checkForm(parsed)
  checkTime(parsed, trust.now())
  checkPurpose(certificate, parsed)
  await trust.revocations.check(parsed, ca)
  const address = addressOf(certificate)
  const user = trust.users.get(address)
  if (user === undefined) {
    throw new Refusal('unknown-user', { words: `The certificate is good, but this service does not know ${address}.` })
  }
  return { user, address, notAfter: parsed.notAfter, publicKey: certificate.publicKey }
}

function issuerOf(certificate: X509Certificate, { cas, now }: Trust): Ca {
  const found = cas.find(({ certificate: ca }) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey))
  if (found === undefined) throw new Refusal('untrusted')
  if (found.parsed.notAfter.getTime() < now()) {
    throw new Refusal('untrusted', { words: 'The CA that issued the certificate has expired.' })
  }
  return found
}

function checkForm(certificate: x509.X509Certificate): void {
  if (certificate.getExtension(x509.BasicConstraintsExtension)?.ca) {
    throw new Refusal('untrusted', { words: 'The certificate is that of a CA, and of no user.' })
  }
  const known: readonly string[] = Object.values(KNOWN)
  const strange = certificate.extensions.find(({ type, critical }) => critical && !known.includes(type))
  if (strange !== undefined) {
    throw new Refusal('untrusted', { words: `The certificate wants ${strange.type} to be understood, which is not.` })
  }
  if (!HASHES.includes(certificate.signatureAlgorithm.hash.name)) {
    throw new Refusal('untrusted', { words: 'The certificate is signed with a hash that is not safe.' })
  }
}

function checkTime({ notBefore, notAfter }: x509.X509Certificate, now: number): void {
  const day = (date: Date) => date.toISOString().slice(0, 10)
  if (now < notBefore.getTime()) {
    throw new Refusal('not-yet-valid', {
      words: `The certificate is valid from ${day(notBefore)} on. Check the clocks, or wait.`,
    })
  }
  if (now > notAfter.getTime()) {
    throw new Refusal('expired', { words: `The certificate expired on ${day(notAfter)}. Renew it.` })
  }
}

function checkPurpose({ keyUsage: purposes, publicKey }: X509Certificate, parsed: x509.X509Certificate): void {
  const usages = parsed.getExtension(x509.KeyUsagesExtension)?.usages ?? x509.KeyUsageFlags.digitalSignature
  const signs = (usages & x509.KeyUsageFlags.digitalSignature) !== 0
  if (!signs || !purposes?.includes(CLIENT_AUTHENTICATION)) throw new Refusal('wrong-purpose')
  const { namedCurve = '', modulusLength = 0 } = publicKey.asymmetricKeyDetails ?? {}
  const strong = ['prime256v1', 'secp384r1'].includes(namedCurve) || modulusLength >= 2048
  if (!strong) throw new Refusal('wrong-purpose', { words: 'The key of the certificate is of a kind not taken here.' })
}

/**
 * The one UPN in the certificate. Node names it only where it is a UTF8String, and writes what has a comma or a quote in
 * it as JSON, with both escaped: so no other name can look like one.
 */
function addressOf({ subjectAltName = '' }: X509Certificate): string {
  const UPN = 'othername:UPN:'
  const names = subjectAltName.split(', ').filter((name) => name.startsWith(UPN))
  const address = v.safeParse(AddressSchema, names[0]?.slice(UPN.length))
  if (names.length === 1 && address.success) return address.output
  throw new Refusal('unknown-user', { words: 'The certificate has to name one user (UPN), and does not.' })
}
