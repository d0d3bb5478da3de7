// From a certificate to one that is trusted. RFC 5280, 6.1; times, purposes and revocation are looked at by the callers.
import type { X509Certificate } from 'node:crypto'
import { equal, hex } from '../bytes.ts'
import { DER } from '../iso7816/der.ts'
import { ifWellFormed, unwrap } from '../iso7816/tlv.ts'
import { extensionIn, readCertificate } from './certificate.ts'
import { Parts } from './parts.ts'

/** Longest path from a certificate to a trusted one. */
const LONGEST = 8
const EMPTY = new Uint8Array(0)

/** Whether `issuer` signed `certificate`, by name and by key. */
export function issued(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  } catch {
    return false // a type of key or signature that cannot be checked here
  }
}

/** How many CAs may be below it, not counting self-issued ones. RFC 5280, 4.2.1.9. */
function mostBelow({ raw }: X509Certificate): number {
  const most = ifWellFormed(() => {
    const { value = EMPTY } = extensionIn(readCertificate(raw), 'basicConstraints') ?? {}
    const parts = new Parts(unwrap(value, DER.sequence))
    parts.takeIf(DER.boolean)
    const length = parts.takeIf(DER.integer)
    return length === undefined ? Number.POSITIVE_INFINITY : Number(`0x0${hex(length)}`)
  })
  return most ?? 0 // no readable limit: no CA may be below it
}

/**
 * The path from the issuer of `leaf` up to a trusted certificate; undefined if there is none. Visits each certificate once:
 * CAs that certify each other create more paths than can be walked.
 */
export function shortestPath(
  leaf: X509Certificate,
  authorities: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
): readonly X509Certificate[] | undefined {
  const isTrusted = ({ raw }: X509Certificate) => trusted.some((other) => equal(other.raw, raw))
  const left = new Set(authorities)
  let ways: ReadonlyArray<readonly X509Certificate[]> = [[]]
  for (let length = 0; length <= LONGEST; length += 1) {
    const longer: X509Certificate[][] = []
    for (const way of ways) {
      const below = way.filter((one) => one.subject !== one.issuer).length
      for (const issuer of left) {
        if (below > mostBelow(issuer) || !issued(way.at(-1) ?? leaf, issuer)) continue
        if (isTrusted(issuer)) return [...way, issuer]
        left.delete(issuer)
        longer.push([...way, issuer])
      }
    }
    ways = longer
  }
  return undefined
}
