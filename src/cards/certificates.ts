// The certificates of a card in a listing: whose, and until when. One that cannot be read says so, and is in nobody's way.
import { type KeyObject, X509Certificate } from 'node:crypto'
import { type AnyCardError, CardError } from '../errors.ts'
import { readCertificate } from '../piv/certificate.ts'
import { certificateTag } from '../piv/objects.ts'
import { SLOTS, type Slot } from '../piv/slots.ts'

export type ListedCertificate =
  | {
      readonly slot: Slot
      /** Common name of the subject; the whole name of one that has none. Its text is somebody else's. */
      readonly subject: string
      /** End of its validity, ISO 8601. */
      readonly notAfter: string
    }
  | { readonly slot: Slot; readonly error: AnyCardError }

/** Slots, each with the tag of its certificate. */
export const CERTIFICATE_TAGS: ReadonlyMap<Slot, string> = new Map(
  [...SLOTS.keys()].map((slot) => [slot as Slot, certificateTag(slot as Slot)]),
)

/** What the content of the object of a certificate says; the public key where it is of a kind that this machine knows. */
export function readListed(
  slot: Slot,
  content: Uint8Array,
): { readonly certificate: ListedCertificate; readonly publicKey?: KeyObject } {
  let x509: X509Certificate
  let certificate: ListedCertificate
  try {
    x509 = new X509Certificate(readCertificate(content))
    certificate = { slot, subject: subjectOf(x509), notAfter: new Date(x509.validTo).toISOString() }
  } catch (cause) {
    return { certificate: { slot, error: damaged(slot, cause) } }
  }
  try {
    return { certificate, publicKey: x509.publicKey }
  } catch {
    return { certificate }
  }
}

function subjectOf(x509: X509Certificate): string {
  // One name, or an array where there are several; the declarations know of one only.
  const { CN } = x509.toLegacyObject().subject as { readonly CN?: string | readonly string[] }
  if (CN !== undefined) return [CN].flat().join(', ')
  // The declarations do not know that there is none where the name is empty.
  const name: string | undefined = x509.subject
  return name?.split('\n').join(', ') ?? ''
}

export function damaged(slot: Slot, cause: unknown): AnyCardError {
  return new CardError('ERR_DATA', `The certificate in slot ${slot} is damaged. Put it there again.`, { cause })
}
