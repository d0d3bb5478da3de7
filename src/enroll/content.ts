// What a certificate says, or a request asks for: its subject, and what its key may do.
import { UsageError } from '../errors.ts'
import { DER } from '../iso7816/der.ts'
import { tlv } from '../iso7816/tlv.ts'
import type { Card } from '../piv/host/card.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import { mergeAlternativeNames, writeAlternativeNames, writeSecurityIdentifier } from '../x509/alternative-names.ts'
import { type Certificate, extensionIn } from '../x509/certificate.ts'
import { type Extension, extension } from '../x509/extensions.ts'
import { parseName } from '../x509/name.ts'
import { type Purpose, writePurposes } from '../x509/purposes.ts'
import { bmpOf } from '../x509/text.ts'
import { writeUsages } from '../x509/usages.ts'
import { isTemplateName } from './template-name.ts'
import { usagesOf } from './usage.ts'

export interface CertificateContent {
  /** As RFC 4514 writes it: `CN=Maria Example,O=Example Ltd`. CN and the name of the card by default. */
  readonly subject?: string
  readonly email?: string
  /** User principal name of Windows: `maria@example.com`. */
  readonly upn?: string
  /** Kerberos principal, for PKINIT: `maria@EXAMPLE.COM`. */
  readonly principal?: string
  /** Security identifier of the account in Windows: `S-1-5-21-...`. */
  readonly sid?: string
  /** By name, or by object identifier. None: whatever the key can do. */
  readonly purposes?: readonly (Purpose | string)[]
  /** The CA's name for the kind of certificate, in Microsoft's extension. */
  readonly template?: string
}

/**
 * The subject in DER. Without a new one, a renewal copies the old subject unchanged, whatever it holds: RFC 7030,
 * 4.2.2.
 * @throws UsageError ERR_USAGE
 */
export const subjectOf = ({ subject }: CertificateContent, card: Card, renewed?: Certificate): Uint8Array =>
  subject === undefined && renewed !== undefined ? renewed.subject : parseName(subject ?? defaultSubject(card.name))

/** The name of a card, or of its reader, as a subject. */
function defaultSubject(name: string): string {
  const plain = name.replace(/^reader:/, '').replace(/[^A-Za-z0-9 ._-]/g, ' ')
  return `CN=${plain.trim().slice(0, 64).trim() || 'PIV card'}`
}

/**
 * The extensions that follow from the content alone. On renewal, missing ones are copied, as DER, from the old
 * certificate.
 * @throws UsageError ERR_USAGE
 */
function namedExtensions(content: CertificateContent, renewed?: Certificate): Extension[] {
  const { purposes, sid, template } = content
  const old = (name: Parameters<typeof extensionIn>[1]) => {
    const found = renewed && extensionIn(renewed, name)
    return found?.value.length === 0 ? undefined : found
  }
  const written = (name: Parameters<typeof extension>[0], value: Uint8Array | undefined) =>
    value && extension(name, value)
  return [
    alternativeNames(content, old('alternativeNames')),
    purposes === undefined ? old('purposes') : written('purposes', writePurposes(purposes)),
    sid === undefined ? old('securityIdentifier') : extension('securityIdentifier', writeSecurityIdentifier(sid)),
    template === undefined ? undefined : extension('template', templateName(template)),
  ].filter((one) => one !== undefined)
}

/** A given name replaces the old ones of its kind; all others stay. */
function alternativeNames({ email, upn, principal }: CertificateContent, old?: Extension): Extension | undefined {
  const one = (text: string | undefined) => (text === undefined ? [] : [text])
  const given = { email: one(email), upn: one(upn), principal: one(principal) }
  const value = writeAlternativeNames(given)
  if (old === undefined || value === undefined) return old ?? (value && extension('alternativeNames', value))
  return { ...old, value: mergeAlternativeNames(old.value, given) }
}

/** Lets a caller check the content before it makes a key for it. @throws UsageError ERR_USAGE */
export function checkContent(content: CertificateContent): void {
  if (content.subject !== undefined) parseName(content.subject)
  namedExtensions(content)
}

/** @throws UsageError ERR_USAGE */
export const extensionsOf = (
  content: CertificateContent,
  { slot, algorithm }: Pick<KeyInfo, 'slot' | 'algorithm'>,
  renewed?: Certificate,
): Extension[] => [
  extension('keyUsage', writeUsages(usagesOf(slot, algorithm)), true),
  ...namedExtensions(content, renewed),
]

/** BMPString: two octets per character, the higher one first. X.690, 8.23.8. */
function templateName(name: string): Uint8Array {
  if (!isTemplateName(name)) {
    throw new UsageError(
      'ERR_USAGE',
      `"${name.slice(0, 64)}" is not the name of a template. A name has letters, digits and spaces.`,
    )
  }
  return tlv(DER.bmp, bmpOf(name))
}
