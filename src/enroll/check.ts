// Whether the CA issued what was asked for: for this key, from a trusted issuer, valid now, for its use.
import { X509Certificate } from 'node:crypto'
import { clock } from '../dates.ts'
import { CaError } from '../errors.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import { shortestPath } from '../x509/path.ts'
import { isFor } from './chain.ts'
import type { CertificateDescription } from './describe.ts'
import { examineCertificates } from './import.ts'

/** How far the clocks of this computer and of the CA may differ, in milliseconds. */
export const SKEW = 5 * 60_000

export interface Checked {
  readonly certificate: Uint8Array
  /** From its issuer up to a trusted certificate. */
  readonly chain: readonly Uint8Array[]
  readonly description: CertificateDescription
  /** Why it would be of little use in the slot; see `importCertificate`. */
  readonly findings: readonly string[]
}

const wrong = (why: string) =>
  new CaError('ERR_CA_CERTIFICATE', `The CA sent a certificate that was rejected: ${why}. The card is as it was.`)

/**
 * @param pool certificates that came with it, and those that the CA presents as its own
 * @param trusted certificates that the organisation trusts
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
  assertInTime('it', x509, now)
  const { findings, description } = examineCertificates(
    key,
    certificate,
    new Date(Math.max(now.getTime(), Date.parse(x509.validFrom))),
  )
  const chain = pathFrom(x509, pool.map(read), trusted.map(read), now)
  if (chain === undefined) {
    const whose = description.issuer.slice(0, 200)
    throw wrong(
      `no chain leads from its issuer (${whose}) to a CA that is trusted here. Give the right CA's certificate with --ca-file`,
    )
  }
  return { certificate, chain: chain.map((one) => Uint8Array.from(one.raw)), description, findings }
}

function read(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch (cause) {
    throw new CaError('ERR_CA_CERTIFICATE', 'What the CA sent is not a certificate. The card is as it was.', { cause })
  }
}

/** Why a certificate is not valid now; undefined if it is. */
function untimely({ validFrom, validTo }: X509Certificate, now: Date): string | undefined {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)]
  const byTheClock = `by the clock of this machine it is ${clock(now)}; set that clock, or tell whoever runs the CA`
  if (from > now.getTime() + SKEW) return `is not valid before ${clock(new Date(from))}, and ${byTheClock}`
  return to < now.getTime() ? `expired at ${clock(new Date(to))}, and ${byTheClock}` : undefined
}

function assertInTime(which: string, certificate: X509Certificate, now: Date): void {
  const why = untimely(certificate, now)
  if (why !== undefined) throw wrong(`${which} ${why}`)
}

/** The path from the issuer up to a trusted certificate, if possible one valid now; undefined if there is no path. */
function pathFrom(
  leaf: X509Certificate,
  pool: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  now: Date,
): readonly X509Certificate[] | undefined {
  const authorities = [...trusted, ...pool].filter(({ ca }) => ca)
  const serving = authorities.filter((one) => untimely(one, now) === undefined)
  const path = shortestPath(leaf, serving, trusted) ?? shortestPath(leaf, authorities, trusted)
  for (const one of path ?? []) {
    // The type declarations miss that this is undefined for an empty name.
    const name: string | undefined = one.subject
    assertInTime(`the certificate of its CA (${name?.replaceAll('\n', ', ') ?? ''})`, one, now)
  }
  return path
}
