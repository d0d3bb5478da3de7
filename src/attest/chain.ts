// Chains of certificates up to the roots of the caller, at one time, with the caller's lists of revoked certificates.
import { X509Certificate } from 'node:crypto'
import { equal } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import { ifWellFormed } from '../iso7816/tlv.ts'
import { BROKEN_HASHES, signatureFacts } from '../x509/algorithms.ts'
import { type Certificate, readCertificate } from '../x509/certificate.ts'
import { EXTENSIONS } from '../x509/extensions.ts'
import { formatName } from '../x509/name-text.ts'
import { issued, shortestPath } from '../x509/path.ts'
import { readPem } from '../x509/pem.ts'
import { type RevocationList, readRevocationList } from '../x509/revocation-list.ts'
import { demand, Refused } from './refusal.ts'

export interface Trust {
  readonly roots: readonly X509Certificate[]
  readonly at: Date
  readonly lists: readonly RevocationList[]
}

/** A certificate that leads to a root. */
export interface Chained {
  /** Subject of the root. */
  readonly root: string
  /** Certificates above the first one. */
  readonly length: number
  /** Whether each certificate below the root has a list of its issuer. */
  readonly revocationKnown: boolean
}

/** Certificate policies: they limit what a path may be used for, and nothing here asks for one. */
const POLICIES = '2.5.29.32'
const UNDERSTOOD: readonly string[] = [
  ...(['keyUsage', 'basicConstraints', 'alternativeNames', 'purposes', 'revocationLists'] as const).map(
    (name) => EXTENSIONS[name],
  ),
  POLICIES,
]

/** The blocks of PEM with this label, or the octets themselves where they are DER. */
function* ders(files: readonly Uint8Array[], label: string): Iterable<Uint8Array> {
  for (const file of files) {
    if (file[0] === 0x30) yield file
    else for (const block of readPem(file)) if (block.label === label && block.der !== undefined) yield block.der
  }
}

/** @throws UsageError ERR_USAGE */
export function readTrust(roots: readonly Uint8Array[], revocations: readonly Uint8Array[], at: Date): Trust {
  try {
    return {
      roots: [...ders(roots, 'CERTIFICATE')].map((der) => new X509Certificate(der)),
      lists: [...ders(revocations, 'X509 CRL')].map(readRevocationList),
      at,
    }
  } catch (cause) {
    const message =
      'A root or a list of revoked certificates cannot be read. Give certificates and lists as PEM or DER.'
    throw new UsageError('ERR_USAGE', message, { cause })
  }
}

/** A certificate of the evidence, read twice: by OpenSSL, and by its parts. @throws Refused malformed */
export interface Both {
  readonly x509: X509Certificate
  readonly parts: Certificate
  readonly subject: string
}

export function readBoth(der: Uint8Array): Both {
  try {
    const x509 = new X509Certificate(der)
    const parts = ifWellFormed(() => readCertificate(x509.raw))
    if (parts !== undefined && x509.raw.equals(der)) return { x509, parts, subject: nameIn(parts) }
  } catch {
    // What OpenSSL cannot read is refused as what the parser cannot.
  }
  throw new Refused('malformed', 'a certificate')
}

/** Subjects may be empty, as those of attestation keys are. */
const nameIn = ({ subject }: Certificate): string =>
  (ifWellFormed(() => formatName(subject)) ?? '').slice(0, 200) || 'a certificate without a subject'

/**
 * Follows the chain from `leaf` to a root. `between`: certificates that came with it, and others that are no roots.
 * @throws Refused
 */
export function follow(leaf: Both, between: readonly Both[], trust: Trust): Chained {
  const pinned = trust.roots.some(({ raw }) => raw.equals(leaf.x509.raw))
  const authorities = [...trust.roots, ...between.map(({ x509 }) => x509)].filter(({ ca }) => ca)
  const path = pinned ? [] : shortestPath(leaf.x509, authorities, trust.roots)
  demand(path !== undefined, 'untrusted', leaf.subject)
  const all = [leaf, ...path.map(({ raw }) => readBoth(Uint8Array.from(raw)))]
  for (const [at, one] of all.entries()) check(one, at === all.length - 1, trust)
  const known = all.slice(0, -1).map((one, at) => isListed(one, all[at + 1] ?? one, trust))
  return { root: (all.at(-1) ?? leaf).subject, length: path.length, revocationKnown: known.every(Boolean) }
}

function check({ parts, subject }: Both, isRoot: boolean, { at }: Trust): void {
  demand(parts.notBefore <= at, 'not-yet-valid', subject)
  demand(parts.notAfter >= at, 'expired', subject)
  const strange = parts.extensions.find(({ id, critical }) => critical && !UNDERSTOOD.includes(id))
  demand(strange === undefined, 'critical-extension', `${subject}: ${strange?.id ?? ''}`)
  const { hash } = signatureFacts(parts.signatureAlgorithm, parts.signatureParameters)
  // The signature of a root says nothing: it is trusted because the caller gave it.
  demand(isRoot || (hash !== undefined && !BROKEN_HASHES.includes(hash)), 'weak-signature', subject)
}

/** Whether a list says of this certificate that it was not revoked. @throws Refused where one says that it was */
function isListed(one: Both, issuer: Both, { lists, at }: Trust): boolean {
  const own = lists.filter((list) => equal(list.issuer, one.parts.issuer))
  for (const list of own) {
    demand(!list.isPartial && list.isSignedBy(issuer.x509.publicKey), 'revocation-list', issuer.subject)
    demand(!list.serialNumbers.has(one.parts.serialNumber), 'revoked', one.subject)
    demand(list.nextUpdate === undefined || list.nextUpdate >= at, 'revocation-list-expired', issuer.subject)
  }
  return own.length > 0
}

/** @throws Refused malformed unless it was issued by the other */
export const isIssuedBy = (one: Both, other: Both): boolean => issued(one.x509, other.x509)
