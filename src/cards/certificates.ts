// The certificates of a card in a listing: subject and end of validity. An unreadable one is listed with its error.
import { X509Certificate } from 'node:crypto'
import type { AnyCardError } from '../errors.ts'
import { isEmptyContainer, readCertificate } from '../piv/certificate.ts'
import { notUnderstood } from '../piv/host/certificates.ts'
import { fromCertificate, type SlotContent, unusable } from '../piv/host/key-info.ts'
import { certificateTag } from '../piv/objects.ts'
import { SLOTS, type Slot } from '../piv/slots.ts'

export type ListedCertificate =
  | {
      readonly slot: Slot
      /**
       * Common name of the subject, or the whole name if it has none. Untrusted text: anybody can make a certificate.
       */
      readonly subject: string
      /** End of its validity, ISO 8601. */
      readonly notAfter: string
    }
  | { readonly slot: Slot; readonly error: AnyCardError }

/** Slots, each with the tag of its certificate. */
export const CERTIFICATE_TAGS: ReadonlyMap<Slot, string> = new Map(
  [...SLOTS.keys()].map((slot) => [slot as Slot, certificateTag(slot as Slot)]),
)

export interface ReadCertificate {
  readonly certificate: ListedCertificate
  /** What the certificate says of the key in its slot. */
  readonly beside: SlotContent
}

/** Reads the content of a certificate object; undefined if it has no certificate. */
export function readListed(slot: Slot, content: Uint8Array): ReadCertificate | undefined {
  if (isEmptyContainer(content)) return undefined
  try {
    const der = readCertificate(content)
    const x509 = new X509Certificate(der)
    const certificate = { slot, subject: subjectOf(x509), notAfter: new Date(x509.validTo).toISOString() }
    return { certificate, beside: fromCertificate(slot, der) }
  } catch (cause) {
    return oddCertificate(slot, cause)
  }
}

/** A certificate that cannot be parsed. */
export function oddCertificate(slot: Slot, cause: unknown): ReadCertificate {
  const error = notUnderstood(slot, cause)
  return { certificate: { slot, error }, beside: unusable(slot, undefined, error) }
}

/**
 * Node writes a name as one line for each part, with special characters escaped (RFC 2253). `toLegacyObject` is no
 * alternative: called before node:tls is loaded, it leaves node:tls without `createSecureContext`, for the whole
 * process.
 */
function subjectOf(x509: X509Certificate): string {
  // The type declarations miss that this is undefined for an empty name.
  const name: string | undefined = x509.subject
  const lines = name?.split('\n') ?? []
  const common = lines.flatMap((line) => line.split(' + ')).filter((part) => part.startsWith('CN='))
  return common.length === 0 ? lines.join(', ') : common.map((part) => unescaped(part.slice(3))).join(', ')
}

const unescaped = (value: string): string =>
  value.replace(/\\([0-9A-F]{2}|.)/g, (_, what: string) =>
    what.length === 2 ? String.fromCharCode(Number.parseInt(what, 16)) : what,
  )
