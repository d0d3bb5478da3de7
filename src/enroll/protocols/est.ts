/**
 * Enrollment over Secure Transport: RFC 7030, with the clarifications of RFC 8951. A pending request is submitted again
 * and again, so only what identifies it is stored.
 */
import { fromBase64, hex, sha256 } from '../../bytes.ts'
import { UsageError } from '../../errors.ts'
import { readTlvs, TlvError, unwrap } from '../../iso7816/tlv.ts'
import { dotted } from '../../x509/oid.ts'
import {
  type CaAnswer,
  type CallOptions,
  type CaProtocol,
  LONGEST_WAIT,
  type PendingRequest,
  type SubmitOptions,
} from '../protocol.ts'
import { certificatesIn, issuedFor, publicKeyOf, refusal } from './answers.ts'
import { type CaAddress, type CaCall, type CaResponse, Connection } from './connection.ts'

const WELL_KNOWN = '/.well-known/est'
const NO_ENVELOPE =
  'EST takes no request that an enrolment agent signed: an agent logs in, and the request itself names the user.'
const OPERATIONS = ['cacerts', 'csrattrs', 'simpleenroll', 'simplereenroll', 'fullcmc', 'serverkeygen']
const TAG = { oid: 0x06, sequence: 0x30 } as const

export interface Est extends CaProtocol {
  /** What the CA expects in requests: object identifiers of attributes, extensions and algorithms. RFC 7030, 4.5. */
  csrattrs(options?: CallOptions): Promise<readonly string[]>
}

/**
 * A CA that speaks EST. `url`: its address, alone or with `/.well-known/est` and a label; without a label there,
 * `template` of `submit` is the label.
 * @throws UsageError ERR_USAGE for a malformed address
 */
export function estProtocol(options: CaAddress): Est {
  const connection = new Connection(options)
  const { base, label } = pathOf(connection.address)

  async function call(operation: string, details: Partial<CaCall>, template?: string): Promise<CaResponse> {
    const path = [base, ...labels(label, template), operation].join('/')
    return connection.call({ method: 'GET', path, ...details })
  }

  /** Decodes a body in base64 and checks its type. */
  function octets({ type, body }: CaResponse, wanted: string): Uint8Array {
    if (type !== wanted) throw connection.answer(`it is of the type ${type || '(none)'}, and not ${wanted}`)
    const text = Buffer.from(body)
      .toString('latin1')
      .replace(/[\t\n\r ]/g, '')
    const decoded = fromBase64(text)
    if (!decoded?.length) throw connection.answer('it is not base64')
    return decoded
  }

  const certificates = (response: CaResponse): Uint8Array[] =>
    certificatesIn(connection, octets(response, 'application/pkcs7-mime'))

  async function enrol(
    request: Uint8Array,
    { template, signed, renewal, sending, unaccepted, signal }: SubmitOptions = {},
  ): Promise<CaAnswer> {
    if (signed !== undefined) throw new UsageError('ERR_USAGE', NO_ENVELOPE)
    const key = publicKeyOf(request)
    const response = await call(
      renewal ? 'simplereenroll' : 'simpleenroll',
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/pkcs10', 'Content-Transfer-Encoding': 'base64' },
        body: Buffer.from(request).toString('base64'),
        sending,
        unaccepted,
        signal,
      },
      template,
    )
    if (response.status === 200) return issuedFor(connection, key, certificates(response))
    if (response.status === 202) return { pending: { id: idOf(request), ...retryAfter(response) } }
    // With a label, it is the label that was not found.
    throw refusal(connection, response, 'EST', template === undefined ? {} : { 404: 'refused' })
  }

  return {
    name: `EST ${connection.address.origin}${[base, ...labels(label)].join('/')}`,

    async cacerts({ signal } = {}) {
      const response = await call('cacerts', { anonymous: true, signal })
      if (response.status !== 200) throw refusal(connection, response, 'EST')
      return certificates(response)
    },

    async csrattrs({ signal } = {}) {
      const response = await call('csrattrs', { signal })
      // Both mean that the CA expects nothing: RFC 7030, 4.5.2.
      if (response.status === 204 || response.status === 404) return []
      if (response.status !== 200) throw refusal(connection, response, 'EST')
      return attributesIn(connection, octets(response, 'application/csrattrs'))
    },

    submit: enrol,

    // RFC 7030, 4.2.3: the same request, handed in again, is the only way to ask about it. A CA that issues at once may
    // issue a second certificate for the same key.
    recover: enrol,

    async fetch({ id }: PendingRequest, request, options) {
      if (id === idOf(request)) return enrol(request, options)
      throw new UsageError('ERR_USAGE', 'This is another request than the one that waits at the CA.')
    },
  }
}

const idOf = (request: Uint8Array): string => hex(sha256(request))

/** The path of the operations, without a slash at the end, and the label in the address. */
function pathOf({ pathname }: URL): { readonly base: string; readonly label: string | undefined } {
  const path = pathname.replace(/\/+$/, '')
  const [, before = path, label] = /^(.*?)\/\.well-known\/est(?:\/([^/]+))?$/.exec(path) ?? []
  if (label === undefined || !OPERATIONS.includes(label)) return { base: `${before}${WELL_KNOWN}`, label }
  throw new UsageError('ERR_USAGE', `The address of a CA that speaks EST ends before the operation (${label}).`)
}

/** RFC 7030, 3.2.2: a label is one part of the path, and not the name of an operation. */
function labels(own: string | undefined, template?: string): string[] {
  if (own !== undefined && template !== undefined && encodeURIComponent(template) !== own) {
    throw new UsageError(
      'ERR_USAGE',
      `The address of the CA has a label already (${own}): give no template, or no label.`,
    )
  }
  if (own !== undefined) return [own]
  if (template === undefined) return []
  if (template !== '' && !OPERATIONS.includes(template)) return [encodeURIComponent(template)]
  throw new UsageError('ERR_USAGE', `'${template}' is not a label of EST.`)
}

/** Seconds, or a date: RFC 9110, 10.2.3. A malformed value is ignored. */
function retryAfter({ headers }: CaResponse): { readonly retryAfter?: number } {
  const text = headers['retry-after'] ?? ''
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - Date.now()) / 1000)
  return Number.isNaN(seconds) ? {} : { retryAfter: Math.min(Math.max(seconds, 1), LONGEST_WAIT) }
}

/** CsrAttrs: a SEQUENCE of object identifiers, and of attributes that begin with one. */
function attributesIn(connection: Connection, octets: Uint8Array): string[] {
  try {
    return readTlvs(unwrap(octets, TAG.sequence)).map(({ tag, value }) => {
      const id = tag === TAG.sequence ? readTlvs(value)[0] : { tag, value }
      if (id?.tag !== TAG.oid || id.value.length === 0) throw new TlvError('an attribute is malformed')
      return dotted(id.value)
    })
  } catch (cause) {
    throw connection.answer('its attributes are not in order', { cause })
  }
}
