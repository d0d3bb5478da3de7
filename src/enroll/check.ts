// Whether what a CA sent is what was asked for: for the key, from somebody who is trusted, in time, for its use.
import { X509Certificate } from 'node:crypto'
import { equal } from '../bytes.ts'
import { CaError } from '../errors.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import { isFor, issued } from './chain.ts'
import { type CertificateDescription, describeCertificate } from './describe.ts'
import { examineCertificates } from './import.ts'

/** Longest way from a certificate to who is trusted. */
const LONGEST = 8
/** How far the clocks of this machine and of the CA may be apart, in milliseconds. */
export const SKEW = 5 * 60_000

export interface Checked {
  readonly certificate: Uint8Array
  /** From its issuer up to who is trusted. */
  readonly chain: readonly Uint8Array[]
  readonly description: CertificateDescription
  /** Why it would be of little use in the slot; see `importCertificate`. */
  readonly findings: readonly string[]
}

const wrong = (why: string) =>
  new CaError('ERR_CA_CERTIFICATE', `The CA sent a certificate that is not taken: ${why}. The card is as it was.`)

/**
 * @param pool what came with the certificate, and what the CA says its certificates are
 * @param trusted certificates of whom the organisation trusts
 * @throws CaError ERR_CA_CERTIFICATE
 */
export function checkIssued(
  key: Pick<KeyInfo, 'slot' | 'publicKey'>,
  certificate: Uint8Array,
  pool: readonly Uint8Array[],
  trusted: readonly Uint8Array[],
  now = new Date(),
): Checked {
  const x509 = read(certificate)
  if (!isFor(x509, key.publicKey)) throw wrong('it is for another key')
  const description = describeCertificate(certificate)
  inTime('it', x509, now)
  const chain = pathFrom(x509, pool.map(read), trusted.map(read), now)
  if (chain === undefined) {
    const whose = description.issuer.slice(0, 200)
    throw wrong(
      `no way leads from its issuer (${whose}) to a CA that is trusted here. Give the right CA's certificate with --ca-file`,
    )
  }
  const { findings } = examineCertificates(
    key,
    certificate,
    new Date(Math.max(now.getTime(), Date.parse(x509.validFrom))),
  )
  return { certificate, chain: chain.map((one) => Uint8Array.from(one.raw)), description, findings }
}

function read(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch (cause) {
    throw new CaError('ERR_CA_CERTIFICATE', 'The CA sent what is no certificate. The card is as it was.', { cause })
  }
}

function inTime(which: string, { validFrom, validTo }: X509Certificate, now: Date): void {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)]
  const clock = `by the clock of this machine it is ${now.toISOString()}; set that clock, or tell who runs the CA`
  if (from > now.getTime() + SKEW)
    throw wrong(`${which} is not valid before ${new Date(from).toISOString()}, and ${clock}`)
  if (to < now.getTime()) throw wrong(`${which} expired at ${new Date(to).toISOString()}, and ${clock}`)
}

/** From the issuer up to one that is trusted; undefined where there is no such way. */
function pathFrom(
  leaf: X509Certificate,
  pool: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  now: Date,
): X509Certificate[] | undefined {
  const isTrusted = (one: X509Certificate) => trusted.some((other) => equal(other.raw, one.raw))
  const above = (below: X509Certificate, path: readonly X509Certificate[]): X509Certificate[] | undefined => {
    if (path.length > LONGEST) return undefined
    const issuers = [...trusted, ...pool].filter(
      (one) => one.ca && !path.some((other) => equal(other.raw, one.raw)) && issued(below, one),
    )
    for (const issuer of issuers) {
      if (!isTrusted(issuer)) {
        const found = above(issuer, [...path, issuer])
        if (found !== undefined) return found
      } else return [...path, issuer]
    }
    return undefined
  }
  const path = above(leaf, [])
  for (const one of path ?? []) inTime(`the certificate of its CA (${one.subject.replaceAll('\n', ', ')})`, one, now)
  return path
}
