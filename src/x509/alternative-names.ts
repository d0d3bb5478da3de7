// The other names of a certificate's subject: subjectAltName, RFC 5280, 4.2.1.6. Microsoft's user principal name (UPN)
// and Kerberos principals (RFC 4556, 3.2.2; RFC 4120, 5.2) are `otherName`s.
import { utf8 } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import { DER, element, field, octetField } from '../iso7816/der.ts'
import { ifWellFormed, readTlv, readTlvs, type Tlv, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { oid } from './oid.ts'
import { Parts } from './parts.ts'
import { asciiText, textOf } from './text.ts'

const GENERAL_STRING = 0x1b
/** Tags of GeneralName. */
const OTHER = field(0)
const EMAIL = octetField(1)
const DNS = octetField(2)
const URI = octetField(6)
const IP = octetField(7)
const UPN = '1.3.6.1.4.1.311.20.2.3'
const PRINCIPAL = '1.3.6.1.5.2.2'
const SID = '1.3.6.1.4.1.311.25.2.1'
/** Kerberos: the principal of a user, KRB_NT_PRINCIPAL. RFC 4120, 6.2. */
const NT_PRINCIPAL = Uint8Array.of(1)

export interface AlternativeNames {
  readonly email?: readonly string[]
  /** `maria@example.com`. */
  readonly upn?: readonly string[]
  /** `maria@EXAMPLE.COM`, or `maria/admin@EXAMPLE.COM`. */
  readonly principal?: readonly string[]
  readonly dns?: readonly string[]
  readonly uri?: readonly string[]
}

const bad = (what: string, value: string, example: string): UsageError =>
  new UsageError('ERR_USAGE', `"${value.slice(0, 80)}" is no ${what}. Write it as in ${example}.`)

const CHECKS = {
  // ASCII on both sides: RFC 5280, 4.2.1.6. Addresses in other alphabets use another form of name.
  email: {
    what: 'e-mail address',
    pattern: /^[!#-'*+\-./-9=?A-Z^-~]{1,64}@[A-Za-z0-9.-]{1,255}$/,
    example: 'maria@example.com',
  },
  upn: {
    what: 'user principal name',
    pattern: /^[^\s@\p{C}"/\\[\]:;|=,+*?<>]{1,64}@[^\s@\p{C}]{1,255}$/u,
    example: 'maria@example.com',
  },
  principal: {
    what: 'Kerberos principal',
    pattern: /^[!-.0-?A-~]{1,64}(\/[!-.0-?A-~]{1,64})*@[!-?A-~]{1,255}$/,
    example: 'maria@EXAMPLE.COM',
  },
} as const

const check = (kind: keyof typeof CHECKS, value: string): string => {
  const { what, pattern, example } = CHECKS[kind]
  if (pattern.test(value)) return value
  throw bad(what, value, example)
}

const other = (id: string, value: Uint8Array): Uint8Array => tlv(OTHER, oid(id), tlv(field(0), value))

function principalName(text: string): Uint8Array {
  const at = text.lastIndexOf('@')
  const components = text.slice(0, at).split('/')
  const general = (part: string) => tlv(GENERAL_STRING, utf8(part))
  const name = tlv(
    DER.sequence,
    tlv(field(0), tlv(DER.integer, NT_PRINCIPAL)),
    tlv(field(1), tlv(DER.sequence, ...components.map(general))),
  )
  return tlv(DER.sequence, tlv(field(0), general(text.slice(at + 1))), tlv(field(1), name))
}

/** The value of subjectAltName; undefined without names. @throws UsageError ERR_USAGE */
export function writeAlternativeNames(
  names: Pick<AlternativeNames, 'email' | 'upn' | 'principal'>,
): Uint8Array | undefined {
  const all = [
    ...(names.email ?? []).map((text) => tlv(EMAIL, utf8(check('email', text)))),
    ...(names.upn ?? []).map((text) => other(UPN, tlv(DER.utf8, utf8(check('upn', text))))),
    ...(names.principal ?? []).map((text) => other(PRINCIPAL, principalName(check('principal', text)))),
  ]
  return all.length === 0 ? undefined : tlv(DER.sequence, ...all)
}

/**
 * The value of Microsoft's extension that ties a certificate to an account by its security identifier ([MS-WCCE],
 * 2.2.2.7.7.4: szOID_NTDS_CA_SECURITY_EXT).
 * @throws UsageError ERR_USAGE
 */
export function writeSecurityIdentifier(sid: string): Uint8Array {
  if (!/^S-1-\d{1,14}(-\d{1,10}){1,15}$/.test(sid))
    throw bad('security identifier', sid, 'S-1-5-21-1004336348-1177238915-682003330-512')
  return tlv(DER.sequence, other(SID, tlv(DER.octetString, utf8(sid))))
}

/** The value of subjectAltName for a server: DNS names, and IP addresses in octets. */
export const writeHostNames = (hosts: ReadonlyArray<string | Uint8Array>): Uint8Array =>
  tlv(DER.sequence, ...hosts.map((host) => (typeof host === 'string' ? tlv(DNS, utf8(host)) : tlv(IP, host))))

const text = (octets: Uint8Array): string => {
  const { tag, value } = readTlv(octets)
  return known(textOf(tag, value))
}

function known(found: string | undefined): string {
  if (found === undefined) throw new TlvError('a text is malformed')
  return found
}

/** The content of an `otherName` of one kind. Some programs leave out the [0] around it. */
function readOther(octets: Uint8Array, id: string): Uint8Array | undefined {
  const parts = new Parts(octets)
  const found = parts.takeOid()
  const [value, ...others] = parts.rest()
  if (value === undefined || others.length > 0) throw new TlvError('a name of another kind is malformed')
  if (found !== id) return undefined
  return value.tag === field(0) ? value.value : element(value.tag, value.value)
}

/** Accepts any type of text: RFC 4120 has GeneralString, but certificates of Windows and of openssl have others. */
function readPrincipal(value: Uint8Array): string {
  const outer = new Parts(unwrap(value, DER.sequence))
  const realm = text(outer.take(field(0)))
  const name = new Parts(unwrap(outer.take(field(1)), DER.sequence))
  name.take(field(0))
  const components = readTlvs(unwrap(name.take(field(1)), DER.sequence))
  return `${components.map((part) => known(textOf(part.tag, part.value))).join('/')}@${realm}`
}

const ofOther =
  (id: string, reader: (value: Uint8Array) => string) =>
  ({ tag, value }: Tlv): string | undefined => {
    const found = tag === OTHER ? readOther(value, id) : undefined
    return found && reader(found)
  }
const ofTag =
  (wanted: number) =>
  ({ tag, value }: Tlv): string | undefined =>
    tag === wanted ? asciiText(value) : undefined

/** Readers by kind of GeneralName; undefined: the name is of another kind. */
const READERS: Readonly<Record<keyof AlternativeNames, (name: Tlv) => string | undefined>> = {
  email: ofTag(EMAIL),
  upn: ofOther(UPN, text),
  principal: ofOther(PRINCIPAL, readPrincipal),
  dns: ofTag(DNS),
  uri: ofTag(URI),
}
type Kind = keyof AlternativeNames
const KINDS = Object.keys(READERS) as Kind[]

/** The names in the value of subjectAltName; unknown kinds are skipped. @throws TlvError */
export function readAlternativeNames(value: Uint8Array): Required<AlternativeNames> {
  const names = readTlvs(unwrap(value, DER.sequence))
  const of = (kind: Kind): string[] => names.map(READERS[kind]).filter((found) => found !== undefined)
  return { email: of('email'), upn: of('upn'), principal: of('principal'), dns: of('dns'), uri: of('uri') }
}

/** The same, with unreadable names skipped and counted in `not`. @throws TlvError for anything but a list of names */
export function understoodNames(value: Uint8Array): { names: Required<AlternativeNames>; not: number } {
  const all = readTlvs(unwrap(value, DER.sequence))
  const understood = all.filter((name) => isUnderstood(name))
  const names = readAlternativeNames(tlv(DER.sequence, ...understood.map((one) => tlv(one.tag, one.value))))
  return { names, not: all.length - understood.length }
}

const isUnderstood = (name: Tlv): boolean => ifWellFormed(() => KINDS.map((kind) => READERS[kind](name))) !== undefined

/** The names of `old`, with given names in place of those of the same kind. @throws UsageError ERR_USAGE */
export function mergeAlternativeNames(
  old: Uint8Array,
  given: Pick<AlternativeNames, 'email' | 'upn' | 'principal'>,
): Uint8Array {
  const replaced = KINDS.filter((kind) => (given[kind as keyof typeof given] ?? []).length > 0)
  try {
    const kept = readTlvs(unwrap(old, DER.sequence)).filter(
      (name) => !isUnderstood(name) || replaced.every((kind) => READERS[kind](name) === undefined),
    )
    const added = readTlvs(unwrap(writeAlternativeNames(given) ?? tlv(DER.sequence), DER.sequence))
    return tlv(DER.sequence, ...[...kept, ...added].map(({ tag, value }) => tlv(tag, value)))
  } catch (cause) {
    if (!(cause instanceof TlvError)) throw cause
    const message = 'The names of the certificate that is renewed are not understood. Renew it without new ones.'
    throw new UsageError('ERR_USAGE', message, { cause })
  }
}

/** The security identifier in Microsoft's extension. @throws TlvError */
export function readSecurityIdentifier(value: Uint8Array): string | undefined {
  const found = readTlvs(unwrap(value, DER.sequence))
    .map(({ tag, value }) => (tag === OTHER ? readOther(value, SID) : undefined))
    .find((octets) => octets !== undefined)
  if (found === undefined) return undefined
  const { tag, value: sid } = readTlv(found)
  return tag === DER.octetString ? asciiText(sid) : known(textOf(tag, sid))
}
