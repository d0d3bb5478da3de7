// What a certificate is to say, or a request asks for: whom it is for, and what its key may do.
import { UsageError } from '../errors.ts'
import { tlv } from '../iso7816/tlv.ts'
import type { Card } from '../piv/host/card.ts'
import { writeAlternativeNames, writeSecurityIdentifier } from '../x509/alternative-names.ts'
import { TEXT_TAGS } from '../x509/attributes.ts'
import type { EXTENSIONS } from '../x509/extensions.ts'
import { parseName } from '../x509/name.ts'
import { type Purpose, writePurposes } from '../x509/purposes.ts'

export interface CertificateContent {
  /** As RFC 4514 writes it: `CN=Maria Example,O=Example Ltd`. CN and the name of the card unless given. */
  readonly subject?: string
  readonly email?: string
  /** User principal name of Windows: `maria@example.com`. */
  readonly upn?: string
  /** Kerberos principal, for PKINIT: `maria@EXAMPLE.COM`. */
  readonly principal?: string
  /** Security identifier of the account in Windows: `S-1-5-21-...`. */
  readonly sid?: string
  /** By name, or by object identifier. None: for whatever the key can do. */
  readonly purposes?: readonly (Purpose | string)[]
  /** The CA's name of the kind of certificate, in Microsoft's extension. */
  readonly template?: string
}

/** The subject in DER. @throws UsageError ERR_USAGE */
export const subjectOf = (content: CertificateContent, card: Card): Uint8Array =>
  parseName(content.subject ?? defaultSubject(card.name))

/** The name of a card, or of the reader that it is in, as a subject. */
function defaultSubject(name: string): string {
  const plain = name.replace(/^reader:/, '').replace(/[^A-Za-z0-9 ._-]/g, ' ')
  return `CN=${plain.trim().slice(0, 64).trim() || 'PIV card'}`
}

type ExtensionName = keyof typeof EXTENSIONS

/** What the extensions hold that follow from the content alone. @throws UsageError ERR_USAGE */
export function valuesOf(content: CertificateContent): ReadonlyArray<readonly [ExtensionName, Uint8Array]> {
  const { email, upn, principal, sid, purposes = [], template } = content
  const one = (text: string | undefined) => (text === undefined ? [] : [text])
  const values: ReadonlyArray<readonly [ExtensionName, Uint8Array | undefined]> = [
    ['alternativeNames', writeAlternativeNames({ email: one(email), upn: one(upn), principal: one(principal) })],
    ['purposes', writePurposes(purposes)],
    ['securityIdentifier', sid === undefined ? undefined : writeSecurityIdentifier(sid)],
    ['template', template === undefined ? undefined : templateName(template)],
  ]
  return values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
}

/** For who makes a key before it is asked for. @throws UsageError ERR_USAGE */
export function checkContent(content: CertificateContent): void {
  if (content.subject !== undefined) parseName(content.subject)
  valuesOf(content)
}

/** BMPString: two octets a character, the higher one first. X.690, 8.23.8. */
function templateName(name: string): Uint8Array {
  if (!/^[\w .()-]{1,64}$/.test(name)) {
    throw new UsageError(
      'ERR_USAGE',
      `"${name.slice(0, 64)}" names no template. A name has letters, digits and spaces.`,
    )
  }
  return tlv(TEXT_TAGS.bmp, Uint8Array.from(Buffer.from(name, 'utf16le').swap16()))
}
