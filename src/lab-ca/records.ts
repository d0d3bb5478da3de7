// The records of the CA, each in a file of its own that is written once. Nothing is read, changed and written back, so
// any number of processes may work in one directory without a lock.
import * as v from 'valibot'
import { decode, integer, moment, octets, text } from '../files/schema.ts'
import { type Kind, seal } from '../files/sealed-text.ts'
import { TEMPLATE_NAMES } from './templates.ts'

/** Most octets of a PKCS#10 that the CA accepts; one with an RSA-4096 key has about 2 kB. */
export const LONGEST_REQUEST = 16 * 1024

/** Longest reason for a denial, in characters. */
export const LONGEST_REASON = 500

export const USER_NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/

const advice = 'Put back a copy of the file, or begin anew in an empty directory.'
const id = integer(1, 0x7fff_ffff)
const userName = v.pipe(v.string(), v.regex(USER_NAME))

const user = v.strictObject({
  name: userName,
  upn: text(3, 255),
  email: text(3, 255),
  sid: v.optional(text(1, 184)),
  /** May be an enrolment agent: have certificates by which it asks for those of others. */
  agent: v.optional(v.literal(true)),
  /** scrypt, RFC 7914: N; r is 8, p is 1. */
  cost: integer(2, 2 ** 20),
  salt: octets(16),
  hash: octets(32),
})

const request = v.strictObject({
  id,
  user: userName,
  /** The enrolment agent who handed it in. */
  by: v.optional(userName),
  template: v.picklist(TEMPLATE_NAMES),
  received: moment,
  /** PKCS#10, DER. */
  request: octets(1, LONGEST_REQUEST),
})

/** One file for either outcome: a request is never both issued and denied. */
const decision = v.variant('outcome', [
  v.strictObject({ id, at: moment, outcome: v.literal('issued'), certificate: octets(1, LONGEST_REQUEST) }),
  v.strictObject({ id, at: moment, outcome: v.literal('denied'), reason: text(1, LONGEST_REASON) }),
])

const revocation = v.strictObject({ id, at: moment, serial: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)) })

/**
 * How the CA was last started: its address, the address of the list of revoked certificates for new certificates, and
 * how many days these are valid.
 */
const settings = v.strictObject({ url: text(1, 300), crl: text(1, 300), days: integer(1, 9999) })

export type User = v.InferOutput<typeof user>
export type StoredRequest = v.InferOutput<typeof request>
export type Decision = v.InferOutput<typeof decision>
export type Revocation = v.InferOutput<typeof revocation>
export type Settings = v.InferOutput<typeof settings>

/** The format of one kind of file. */
export interface Form<Value> {
  readonly kind: Kind
  readonly schema: v.GenericSchema<unknown, Value>
}

const form = <Value>(magic: string, noun: string, schema: v.GenericSchema<unknown, Value>): Form<Value> => ({
  kind: { magic: `tessera-lab-${magic}`, version: 1, noun: `${noun} of a laboratory CA`, advice },
  schema,
})

export const FORMS = {
  user: form('user', 'user file', user),
  request: form('request', 'request file', request),
  decision: form('decision', 'decision file', decision),
  revocation: form('revocation', 'revocation file', revocation),
  settings: form('settings', 'settings file', settings),
}

/** Longest file of the CA, in octets. */
export const LONGEST_FILE = 64 * 1024

export const encodeAs = <Value>({ kind }: Form<Value>, value: Value): Uint8Array => seal(kind, value)

/** @throws FileError ERR_CARD_FILE, ERR_CARD_FILE_NEWER */
export const decodeAs = <Value>({ kind, schema }: Form<Value>, file: Uint8Array, path: string): Value =>
  decode(kind, schema, file, path)
