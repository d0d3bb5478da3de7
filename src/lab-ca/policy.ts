// What a certificate will say: built from the template and the user's record. What the request asks for is checked
// against them, and is never the source.
import { equal } from '../bytes.ts'
import { readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { writeSecurityIdentifier } from '../x509/alternative-names.ts'
import { EXTENSIONS } from '../x509/extensions.ts'
import { readPurposes, writePurposes } from '../x509/purposes.ts'
import { alternativeNames } from './names.ts'
import { Refusal } from './notice.ts'
import type { User } from './records.ts'
import type { Extension, Request } from './request.ts'
import { findTemplate, TEMPLATES, type TemplateName } from './templates.ts'

const TAG = { bits: 0x03, utf8: 0x0c, bmp: 0x1e, sequence: 0x30 } as const
/** What a request may ask for; the CA's own extensions are nobody's to ask for. */
const ASKED: readonly string[] = [
  EXTENSIONS.subjectKeyIdentifier,
  EXTENSIONS.keyUsage,
  EXTENSIONS.alternativeNames,
  EXTENSIONS.basicConstraints,
  EXTENSIONS.purposes,
  EXTENSIONS.template,
  EXTENSIONS.securityIdentifier,
]

/** Bits of keyUsage, as the first octet of its bits has them. RFC 5280, 4.2.1.3. */
const DIGITAL_SIGNATURE = 0x80
const NON_REPUDIATION = 0x40
const KEY_ENCIPHERMENT = 0x20
const KEY_AGREEMENT = 0x08
/** What a key of either kind may be certified for, and is where the request does not say. */
const USAGES = {
  rsa: { may: DIGITAL_SIGNATURE | NON_REPUDIATION | KEY_ENCIPHERMENT, is: DIGITAL_SIGNATURE | KEY_ENCIPHERMENT },
  ec: { may: DIGITAL_SIGNATURE | NON_REPUDIATION | KEY_AGREEMENT, is: DIGITAL_SIGNATURE | KEY_AGREEMENT },
} as const

/** What stands in a certificate besides what every certificate of the CA has. */
export interface Content {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  readonly commonName: string
  readonly extensions: readonly Extension[]
}

const refused = (why: string) => new Refusal(403, why)

/** @throws Refusal 403 with the reason, or 400 where an extension is malformed */
export function contentOf(request: Request, user: User, template: TemplateName): Content {
  try {
    return build(request, user, template)
  } catch (error) {
    if (error instanceof TlvError)
      throw new Refusal(400, `One of the extensions in the request is none: ${error.message}.`)
    throw error
  }
}

function build(request: Request, user: User, template: TemplateName): Content {
  const asked = new Map(request.extensions.map(({ id, value }) => [id, value]))
  const unknown = [...asked.keys()].find((id) => !ASKED.includes(id))
  if (unknown !== undefined)
    throw refused(`The request asks for the extension ${unknown}, which this CA does not issue.`)
  checkConstraints(asked.get(EXTENSIONS.basicConstraints))
  checkTemplate(asked.get(EXTENSIONS.template), template)
  checkPurposes(asked.get(EXTENSIONS.purposes), template)
  const names = alternativeNames(asked.get(EXTENSIONS.alternativeNames), user, TEMPLATES[template].email)
  const sid = securityIdentifier(asked.get(EXTENSIONS.securityIdentifier), user)
  const purposes = writePurposes(TEMPLATES[template].purposes) ?? new Uint8Array(0)
  const extensions = [
    extension(EXTENSIONS.keyUsage, keyUsage(asked.get(EXTENSIONS.keyUsage), request.kind), true),
    extension(EXTENSIONS.purposes, purposes),
    extension(EXTENSIONS.alternativeNames, names),
    extension(EXTENSIONS.template, tlv(TAG.bmp, utf16(template))),
    ...(sid === undefined ? [] : [extension(EXTENSIONS.securityIdentifier, sid)]),
  ]
  return { publicKey: request.publicKey, commonName: user.name, extensions }
}

const extension = (id: string, value: Uint8Array, critical = false): Extension => ({ id, critical, value })
const utf16 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf16le').swap16())

/** Nobody becomes a CA here: `CA:FALSE` is the only answer. */
function checkConstraints(asked: Uint8Array | undefined): void {
  if (asked !== undefined && unwrap(asked, TAG.sequence).length > 0) {
    throw refused('The request asks for the certificate of a CA. This CA issues certificates to users only.')
  }
}

/** A name in the request itself, as Microsoft's clients put it there, has to be that of the template that is used. */
function checkTemplate(asked: Uint8Array | undefined, template: TemplateName): void {
  if (asked === undefined || templateIn(asked) === template) return
  throw refused(`The request itself names another template than ${template}.`)
}

/** The template that a request names in its extension, if it is one of this CA's. @throws TlvError */
export function templateIn(value: Uint8Array): TemplateName | undefined {
  const [text, ...others] = readTlvs(value)
  if (text === undefined || others.length > 0) throw new TlvError('the name of the template is none')
  const encoding = text.tag === TAG.bmp ? 'utf-16be' : text.tag === TAG.utf8 ? 'utf-8' : undefined
  if (encoding === undefined) throw new TlvError('the name of the template is none')
  return findTemplate(new TextDecoder(encoding).decode(text.value))
}

function checkPurposes(asked: Uint8Array | undefined, template: TemplateName): void {
  const { title, purposes } = TEMPLATES[template]
  const own: readonly string[] = purposes
  const more = asked && readPurposes(asked).find((purpose) => !own.includes(purpose))
  if (more === undefined) return
  throw refused(`The request asks for the purpose ${more}, which the template "${title}" does not have.`)
}

/** As it is asked for where that is right for the kind of key, else what is usual. DER BIT STRING. */
function keyUsage(asked: Uint8Array | undefined, kind: Request['kind']): Uint8Array {
  const { may, is } = USAGES[kind]
  if (asked === undefined) return bitString(is)
  const [unused, bits = 0, ...more] = unwrap(asked, TAG.bits)
  if (unused === undefined || unused > 7 || bits === 0) throw new TlvError('the key usage is none')
  if ((bits & ~may) !== 0 || more.some((octet) => octet !== 0)) {
    throw refused(
      `The request asks for a key usage that is not for users, or not for a key of the kind ${kind.toUpperCase()}.`,
    )
  }
  return bitString(bits)
}

/** Without the zeros at its end, as named bits are in DER (X.690, 11.2.2). */
function bitString(bits: number): Uint8Array {
  const unused = 31 - Math.clz32(bits & -bits)
  return tlv(TAG.bits, Uint8Array.of(unused, bits))
}

/** The user's security identifier is in the certificate where the CA knows one; another one is refused. */
function securityIdentifier(asked: Uint8Array | undefined, { name, sid }: User): Uint8Array | undefined {
  const own = sid === undefined ? undefined : writeSecurityIdentifier(sid)
  if (asked === undefined || (own !== undefined && equal(own, asked))) return own
  throw refused(`The request asks for a security identifier (SID) that the user '${name}' does not have.`)
}
