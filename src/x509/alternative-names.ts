// Whom a certificate is for besides its subject: subjectAltName, RFC 5280, 4.2.1.6. Microsoft's user principal name
// (UPN) and Kerberos principals (RFC 4556, 3.2.2; RFC 4120, 5.2) are `otherName`s.
import { utf8 } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import { readTlv, readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { dotted, oidOctets } from './oid.ts'
import { Parts } from './parts.ts'

const SEQUENCE = 0x30
const TAG = { oid: 0x06, octets: 0x04, integer: 0x02, utf8: 0x0c, generalString: 0x1b } as const
const OTHER = 0xa0
/** Of GeneralName and, one after the other, of the fields of the Kerberos structures. */
const FIELD_0 = 0xa0
const FIELD_1 = 0xa1
const UPN = '1.3.6.1.4.1.311.20.2.3'
const PRINCIPAL = '1.3.6.1.5.2.2'
const SID = '1.3.6.1.4.1.311.25.2.1'
/** Kerberos: a principal that is a person, KRB_NT_PRINCIPAL. RFC 4120, 6.2. */
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
  // ASCII on both sides: RFC 5280, 4.2.1.6. Addresses in other alphabets have a name form of their own.
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

const other = (id: string, value: Uint8Array): Uint8Array =>
  tlv(OTHER, tlv(TAG.oid, oidOctets(id) ?? new Uint8Array(0)), tlv(FIELD_0, value))

function principalName(text: string): Uint8Array {
  const at = text.lastIndexOf('@')
  const components = text.slice(0, at).split('/')
  const general = (part: string) => tlv(TAG.generalString, utf8(part))
  const name = tlv(
    SEQUENCE,
    tlv(FIELD_0, tlv(TAG.integer, NT_PRINCIPAL)),
    tlv(FIELD_1, tlv(SEQUENCE, ...components.map(general))),
  )
  return tlv(SEQUENCE, tlv(FIELD_0, general(text.slice(at + 1))), tlv(FIELD_1, name))
}

/** The value of subjectAltName; undefined where there are no names. @throws UsageError ERR_USAGE */
export function writeAlternativeNames(
  names: Pick<AlternativeNames, 'email' | 'upn' | 'principal'>,
): Uint8Array | undefined {
  const all = [
    ...(names.email ?? []).map((text) => tlv(0x81, utf8(check('email', text)))),
    ...(names.upn ?? []).map((text) => other(UPN, tlv(TAG.utf8, utf8(check('upn', text))))),
    ...(names.principal ?? []).map((text) => other(PRINCIPAL, principalName(check('principal', text)))),
  ]
  return all.length === 0 ? undefined : tlv(SEQUENCE, ...all)
}

/**
 * The value of Microsoft's extension that ties a certificate to an account by its security identifier ([MS-WCCE],
 * 2.2.2.7.7.4: szOID_NTDS_CA_SECURITY_EXT).
 * @throws UsageError ERR_USAGE
 */
export function writeSecurityIdentifier(sid: string): Uint8Array {
  if (!/^S-1-\d{1,14}(-\d{1,10}){1,15}$/.test(sid))
    throw bad('security identifier', sid, 'S-1-5-21-1004336348-1177238915-682003330-512')
  return tlv(SEQUENCE, other(SID, tlv(TAG.octets, utf8(sid))))
}

const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')
const decoder = new TextDecoder('utf-8', { fatal: true })

function utf8Text(octets: Uint8Array): string {
  try {
    return decoder.decode(octets)
  } catch (cause) {
    throw new TlvError('a text is no UTF-8', { cause })
  }
}

/** What an `otherName` holds, where it is of one kind. */
function readOther(octets: Uint8Array, id: string): Uint8Array | undefined {
  const parts = new Parts(octets)
  const found = dotted(parts.take(TAG.oid))
  const value = parts.take(FIELD_0)
  parts.end()
  return found === id ? value : undefined
}

function readPrincipal(value: Uint8Array): string {
  const outer = new Parts(unwrap(value, SEQUENCE))
  const realm = latin1(unwrap(outer.take(FIELD_0), TAG.generalString))
  const name = new Parts(unwrap(outer.take(FIELD_1), SEQUENCE))
  name.take(FIELD_0)
  const components = readTlvs(unwrap(name.take(FIELD_1), SEQUENCE)).map((part) => latin1(part.value))
  return `${components.join('/')}@${realm}`
}

/** What a kind of GeneralName is called, and how it is read; undefined: it is of another kind. */
const READERS: Readonly<Record<keyof AlternativeNames, (tag: number, value: Uint8Array) => string | undefined>> = {
  email: (tag, value) => (tag === 0x81 ? latin1(value) : undefined),
  upn: (tag, value) => {
    const found = tag === OTHER ? readOther(value, UPN) : undefined
    return found && utf8Text(readTlv(found).value)
  },
  principal: (tag, value) => {
    const found = tag === OTHER ? readOther(value, PRINCIPAL) : undefined
    return found && readPrincipal(found)
  },
  dns: (tag, value) => (tag === 0x82 ? latin1(value) : undefined),
  uri: (tag, value) => (tag === 0x86 ? latin1(value) : undefined),
}

/** The names in the value of subjectAltName; kinds that are not known here are passed over. @throws TlvError */
export function readAlternativeNames(value: Uint8Array): Required<AlternativeNames> {
  const names = readTlvs(unwrap(value, SEQUENCE))
  const of = (kind: keyof AlternativeNames): string[] =>
    names.map(({ tag, value }) => READERS[kind](tag, value)).filter((text) => text !== undefined)
  return { email: of('email'), upn: of('upn'), principal: of('principal'), dns: of('dns'), uri: of('uri') }
}

/** The security identifier in Microsoft's extension. @throws TlvError */
export function readSecurityIdentifier(value: Uint8Array): string | undefined {
  const found = readTlvs(unwrap(value, SEQUENCE))
    .map(({ tag, value }) => (tag === OTHER ? readOther(value, SID) : undefined))
    .find((octets) => octets !== undefined)
  return found && latin1(unwrap(found, TAG.octets))
}
