// Enrollment over Secure Transport: RFC 7030, with the clarifications of RFC 8951.
import { fromBase64 } from '../../bytes.ts'
import { DER } from '../../iso7816/der.ts'
import { tlv } from '../../iso7816/tlv.ts'
import { writeCertsOnly } from '../../x509/certs-only.ts'
import { oid } from '../../x509/oid.ts'
import type { Intake } from '../intake.ts'
import { Refusal } from '../notice.ts'
import { userNamedIn } from '../on-behalf.ts'
import type { Entry } from '../registration-authority.ts'
import { readRequest } from '../request.ts'
import { findTemplate, TEMPLATES, type TemplateName } from '../templates.ts'
import { type Answer, type Call, plain } from './http.ts'
import type { Login } from './login.ts'

const ROOT = '/.well-known/est/'
/** The template for a path without a label. */
const USUAL: TemplateName = 'SmartcardUser'
/** Seconds that a client waits before it asks again. Short, since a laboratory decides quickly. RFC 7030, 4.2.3. */
export const RETRY_AFTER = 2

type Operation = (est: Est, call: Call, template: TemplateName) => Promise<Answer>

/** By names that clients give, see PAGES in certsrv.ts. */
const OPERATIONS = new Map<string, { readonly method: 'GET' | 'POST'; readonly run: Operation }>([
  ['cacerts', { method: 'GET', run: async ({ intake }) => certificates([intake.registration.authority.certificate]) }],
  ['csrattrs', { method: 'GET', run: async () => base64('application/csrattrs', attributes()) }],
  ['simpleenroll', { method: 'POST', run: (est, call, template) => enrol(est, call, template, false) }],
  ['simplereenroll', { method: 'POST', run: (est, call, template) => enrol(est, call, template, true) }],
])

export interface Est {
  readonly intake: Intake
  readonly login: Login
}

/** The answer to a call of EST; undefined for other paths. @throws Refusal */
export async function est(parts: Est, call: Call): Promise<Answer | undefined> {
  if (!call.path.startsWith(ROOT)) return undefined
  const names = call.path.slice(ROOT.length).split('/')
  const label = names.length === 2 ? names[0] : undefined
  const template = label === undefined ? USUAL : findTemplate(decoded(label))
  const operation = names.length > 2 ? undefined : OPERATIONS.get(names.at(-1) ?? '')
  if (operation === undefined) {
    throw new Refusal(404, `There is no such operation: this CA has ${[...OPERATIONS.keys()].join(', ')}.`)
  }
  if (template === undefined) {
    const labels = Object.values(TEMPLATES).map((known) => known.label)
    throw new Refusal(404, `There is no such label: this CA has ${labels.join(' and ')}.`)
  }
  if (call.method !== operation.method) throw new Refusal(405, `This operation is a ${operation.method}.`)
  return operation.run(parts, call, template)
}

function decoded(label: string): string {
  try {
    return decodeURIComponent(label)
  } catch {
    return ''
  }
}

async function enrol({ intake, login }: Est, call: Call, template: TemplateName, renewal: boolean): Promise<Answer> {
  const own = await login.user(call, { certificate: true })
  const by = await login.agent(call)
  const request = requestIn(await call.body(['application/pkcs10']))
  const user = by === undefined ? own : await userNamedIn(intake.registration.directory, readRequest(request))
  const onBehalf = by !== undefined && by.name !== user.name
  return answerTo(await intake.submitOnce({ user, ...(onBehalf && { by }), template, request, renewal }))
}

function answerTo({ id, user, state, reason, certificate }: Entry): Answer {
  if (state === 'pending') {
    const words = `Request ${id} waits until it is approved: tessera lab-ca approve ${id}.`
    return plain(202, words, { 'Retry-After': String(RETRY_AFTER) })
  }
  if (state === 'issued' && certificate !== undefined) {
    return { ...certificates([certificate]), what: `Request ${id} of '${user}': issued.` }
  }
  throw new Refusal(403, reason ?? `Request ${id} was issued, and the certificate is revoked. Make a new request.`)
}

/** RFC 7030, 4.1.3 and 4.2.3. */
const certificates = (list: readonly Uint8Array[]): Answer =>
  base64('application/pkcs7-mime; smime-type=certs-only', writeCertsOnly(list))

/** In one line, as RFC 4648, 3.1, requires and strongSwan's client needs. */
function base64(type: string, octets: Uint8Array): Answer {
  // Clients of RFC 7030 may look for the header; RFC 8951, 3.1, lets them ignore it.
  const headers = { 'Content-Transfer-Encoding': 'base64' }
  return { status: 200, type, body: Buffer.from(octets).toString('base64'), headers }
}

/** White space is ignored, as in RFC 8951, 3.1; other characters outside base64 are refused. */
function requestIn(body: Uint8Array): Uint8Array {
  const text = Buffer.from(body).toString('latin1')
  const octets = fromBase64(text.replace(/[\t\n\r ]/g, ''))
  if (octets?.length) return octets
  throw new Refusal(400, 'What was sent is not base64.')
}

/** CsrAttrs (RFC 7030, 4.5.2): keys on P-256 or P-384, signed with SHA-256 or SHA-384. Others are accepted too. */
function attributes(): Uint8Array {
  const named = tlv(DER.set, oid('1.2.840.10045.3.1.7'), oid('1.3.132.0.34'))
  const curves = tlv(DER.sequence, oid('1.2.840.10045.2.1'), named)
  return tlv(DER.sequence, curves, oid('1.2.840.10045.4.3.2'), oid('1.2.840.10045.4.3.3'))
}
