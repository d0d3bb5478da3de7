// The content of a certificate: built from the template and the user's record. The request is only checked against
// them, and is never the source.
import { equal } from '../bytes.ts'
import { DER } from '../iso7816/der.ts'
import { readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { writeSecurityIdentifier } from '../x509/alternative-names.ts'
import { EXTENSIONS, type Extension, extension } from '../x509/extensions.ts'
import { readPurposes, writePurposes } from '../x509/purposes.ts'
import { bmpOf, textOf } from '../x509/text.ts'
import { type KeyUsage, readUsages, writeUsages } from '../x509/usages.ts'
import { alternativeNames } from './names.ts'
import { Refusal } from './notice.ts'
import type { User } from './records.ts'
import type { Request } from './request.ts'
import { findTemplate, TEMPLATES, type TemplateName } from './templates.ts'

/** What a request may ask for. The CA's own extensions cannot be asked for. */
const ASKED: readonly string[] = [
  EXTENSIONS.subjectKeyIdentifier,
  EXTENSIONS.keyUsage,
  EXTENSIONS.alternativeNames,
  EXTENSIONS.basicConstraints,
  EXTENSIONS.purposes,
  EXTENSIONS.template,
  EXTENSIONS.securityIdentifier,
]

/** The usages of a kind of key if the request names none; `nonRepudiation` may be requested too. */
const USAGES: Readonly<Record<Request['kind'], readonly KeyUsage[]>> = {
  rsa: ['digitalSignature', 'keyEncipherment'],
  ec: ['digitalSignature', 'keyAgreement'],
}

/** The content of a certificate, besides what is the same in all certificates of the CA. */
export interface Content {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  readonly commonName: string
  readonly extensions: readonly Extension[]
}

const refused = (why: string) => new Refusal(403, why)

/** @throws Refusal 403 with the reason, or 400 for a malformed extension */
export function contentOf(request: Request, user: User, template: TemplateName): Content {
  try {
    return build(request, user, template)
  } catch (error) {
    if (error instanceof TlvError) throw new Refusal(400, `An extension in the request is malformed: ${error.message}.`)
    throw error
  }
}

function build(request: Request, user: User, template: TemplateName): Content {
  if (template === 'EnrollmentAgent' && !user.agent) {
    const add = `tessera lab-ca user add ${user.name} --enrolment-agent`
    throw refused(`The user '${user.name}' may not be an enrolment agent. Whoever runs the CA can change that: ${add}.`)
  }
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
    extension('keyUsage', keyUsage(asked.get(EXTENSIONS.keyUsage), request.kind), true),
    extension('purposes', purposes),
    extension('alternativeNames', names),
    extension('template', tlv(DER.bmp, bmpOf(template))),
    ...(sid === undefined ? [] : [extension('securityIdentifier', sid)]),
  ]
  return { publicKey: request.publicKey, commonName: user.name, extensions }
}

/** Nobody becomes a CA here: only `CA:FALSE` is accepted. */
function checkConstraints(asked: Uint8Array | undefined): void {
  if (asked !== undefined && unwrap(asked, DER.sequence).length > 0) {
    throw refused('The request asks for the certificate of a CA. This CA issues certificates to users only.')
  }
}

/** A template named in the request itself, as by Microsoft's clients, has to be the one that is used. */
function checkTemplate(asked: Uint8Array | undefined, template: TemplateName): void {
  if (asked === undefined || templateIn(asked) === template) return
  throw refused(`The request itself names another template than ${template}.`)
}

/** The template that a request names in its extension, if this CA has it. @throws TlvError */
export function templateIn(value: Uint8Array): TemplateName | undefined {
  const [text, ...others] = readTlvs(value)
  if (text === undefined || others.length > 0) throw new TlvError('the name of the template is malformed')
  const name = textOf(text.tag, text.value)
  if (name === undefined) throw new TlvError('the name of the template is malformed')
  return findTemplate(name)
}

function checkPurposes(asked: Uint8Array | undefined, template: TemplateName): void {
  const { title, purposes } = TEMPLATES[template]
  const own: readonly string[] = purposes
  const more = asked && readPurposes(asked).find((purpose) => !own.includes(purpose))
  if (more === undefined) return
  throw refused(`The request asks for the purpose ${more}, which the template "${title}" does not have.`)
}

/** The requested usages, or by default all of the kind of key; others are refused. DER BIT STRING. */
function keyUsage(asked: Uint8Array | undefined, kind: Request['kind']): Uint8Array {
  if (asked === undefined) return writeUsages(USAGES[kind])
  const wanted = readUsages(asked)
  if (wanted.length === 0) throw new TlvError('the key usage is malformed')
  if (wanted.some((usage) => usage !== 'nonRepudiation' && !USAGES[kind].includes(usage))) {
    throw refused(
      `The request asks for a key usage that is not for users, or not for a key of the kind ${kind.toUpperCase()}.`,
    )
  }
  return writeUsages(wanted)
}

/** The certificate has the user's security identifier if the CA knows it; a request for another one is refused. */
function securityIdentifier(asked: Uint8Array | undefined, { name, sid }: User): Uint8Array | undefined {
  const own = sid === undefined ? undefined : writeSecurityIdentifier(sid)
  if (asked === undefined || (own !== undefined && equal(own, asked))) return own
  throw refused(`The request asks for a security identifier (SID) that the user '${name}' does not have.`)
}
