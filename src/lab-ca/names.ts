// The names in a certificate: those of the user's record, and whether the requested ones are among them.
import { DER } from '../iso7816/der.ts'
import { readTlvs, unwrap } from '../iso7816/tlv.ts'
import { type AlternativeNames, readAlternativeNames, writeAlternativeNames } from '../x509/alternative-names.ts'
import { Refusal } from './notice.ts'
import type { User } from './records.ts'

type Kind = keyof AlternativeNames

/** The words for each kind of name, and whether upper and lower case are the same in it. */
const KINDS: Readonly<Record<Kind, { readonly words: string; readonly anyCase: boolean }>> = {
  upn: { words: 'the UPN', anyCase: true },
  email: { words: 'the e-mail address', anyCase: true },
  principal: { words: 'the Kerberos principal', anyCase: false },
  dns: { words: 'the DNS name', anyCase: true },
  uri: { words: 'the URI', anyCase: false },
}

/** All names of a user. A principal is the UPN, or the user's name, with its realm in upper case. */
function ownNames({ name, upn, email }: User): Required<AlternativeNames> {
  const [local = '', realm = ''] = upn.split('@')
  const principals = new Set([local, name].map((first) => `${first}@${realm.toUpperCase()}`))
  return { upn: [upn], email: [email], principal: [...principals], dns: [], uri: [] }
}

/**
 * The subjectAltName of a user's certificate: always the UPN, the e-mail address if the template has it, both as
 * spelled in the record, and the user's other names if requested.
 * @throws Refusal 403 for a requested name that is not the user's; TlvError
 */
export function alternativeNames(asked: Uint8Array | undefined, user: User, withEmail: boolean): Uint8Array {
  const own = ownNames(user)
  const wanted = asked && readAlternativeNames(asked)
  const known = Object.entries(wanted ?? {}).flatMap(([kind, names]) =>
    names.map((name) => ({ kind, name: ownName(own, kind as Kind, name, user) })),
  )
  if (asked !== undefined && readTlvs(unwrap(asked, DER.sequence)).length > known.length) {
    throw new Refusal(403, `The request asks for a name of a kind that this CA does not issue. ${owns(user)}`)
  }
  const of = (wantedKind: Kind) => [...new Set(known.filter(({ kind }) => kind === wantedKind).map(({ name }) => name))]
  const email = withEmail ? own.email : of('email')
  return writeAlternativeNames({ email, upn: own.upn, principal: of('principal') }) ?? new Uint8Array(0)
}

/** A requested name, as the user's record spells it. */
function ownName(own: Required<AlternativeNames>, kind: Kind, asked: string, user: User): string {
  const { words, anyCase } = KINDS[kind]
  const plain = (text: string) => (anyCase ? text.toLowerCase() : text)
  const found = own[kind].find((name) => plain(name) === plain(asked))
  if (found !== undefined) return found
  const shown = asked.replace(/[^ -~]/g, '?').slice(0, 100)
  throw new Refusal(
    403,
    `The request asks for ${words} "${shown}", which the user '${user.name}' does not have. ${owns(user)}`,
  )
}

const owns = ({ upn, email }: User): string => `There are the UPN ${upn} and the e-mail address ${email}.`
