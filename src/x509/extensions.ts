// Extensions: their object identifiers, and the values that a CA writes. RFC 5280, 4.2; Microsoft's: [MS-WCCE],
// 2.2.2.7.7.
import { createHash } from 'node:crypto'
import { utf8 } from '../bytes.ts'
import { DER, element, field, octetField } from '../iso7816/der.ts'
import { readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { oid } from './oid.ts'
import { Parts } from './parts.ts'

export const EXTENSIONS = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  revocationListNumber: '2.5.29.20',
  revocationLists: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  purposes: '2.5.29.37',
  /** Name of a certificate template, as a BMPString. */
  template: '1.3.6.1.4.1.311.20.2',
  securityIdentifier: '1.3.6.1.4.1.311.25.2',
} as const

export interface Extension {
  /** Dotted digits. */
  readonly id: string
  readonly critical: boolean
  /** DER. */
  readonly value: Uint8Array
}

export const extension = (name: keyof typeof EXTENSIONS, value: Uint8Array, critical = false): Extension => ({
  id: EXTENSIONS[name],
  critical,
  value,
})

const TRUE = tlv(DER.boolean, Uint8Array.of(0xff))

/** All extensions as one element. */
export const writeExtensions = (extensions: readonly Extension[]): Uint8Array =>
  element(
    DER.sequence,
    ...extensions.map(({ id, critical, value }) =>
      element(DER.sequence, oid(id), ...(critical ? [TRUE] : []), element(DER.octetString, value)),
    ),
  )

/**
 * Reads what `writeExtensions` writes. Octets after the last part of one are ignored, as OpenSSL does. @throws TlvError
 */
export function readExtensions(value: Uint8Array): Extension[] {
  return readTlvs(unwrap(value, DER.sequence)).map(({ tag, value: one }) => {
    if (tag !== DER.sequence) throw new TlvError('an extension is malformed')
    const parts = new Parts(one)
    const id = parts.takeOid()
    const critical = (parts.takeIf(DER.boolean)?.[0] ?? 0) !== 0
    return { id, critical, value: parts.take(DER.octetString) }
  })
}

/** For a certificate authority, or for any other holder. */
export const basicConstraints = (ca: boolean): Extension =>
  ca
    ? extension('basicConstraints', tlv(DER.sequence, TRUE, tlv(DER.integer, Uint8Array.of(0))), true)
    : extension('basicConstraints', tlv(DER.sequence))

/** The identifier of a key: SHA-1 over its bits, the usual method. RFC 5280, 4.2.1.2 (1). */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  const parts = new Parts(unwrap(spki, DER.sequence))
  parts.take(DER.sequence)
  return Uint8Array.from(createHash('sha1').update(parts.take(DER.bitString).subarray(1)).digest())
}

export const subjectKey = (spki: Uint8Array): Extension =>
  extension('subjectKeyIdentifier', tlv(DER.octetString, keyIdentifier(spki)))

/** @param id the issuer's subjectKeyIdentifier */
export const authorityKey = (id: Uint8Array): Extension =>
  extension('authorityKeyIdentifier', tlv(DER.sequence, tlv(octetField(0), id)))

/** The address of the list of revoked certificates. RFC 5280, 4.2.1.13. */
export const revocationList = (url: string): Extension =>
  extension(
    'revocationLists',
    tlv(DER.sequence, tlv(DER.sequence, tlv(field(0), tlv(field(0), tlv(octetField(6), utf8(url)))))),
  )
