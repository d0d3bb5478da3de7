/**
 * The connection to a CA: HTTPS with a verified server, bounded answers, and errors in words. The client logs in only
 * after the CA has proved its identity.
 */
import { X509Certificate } from 'node:crypto'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { createSecureContext } from 'node:tls'
import { utf8 } from '../../bytes.ts'
import { CaError, CardError, UsageError } from '../../errors.ts'
import { BadAnswer, mediaType, readBody } from '../../https/body.ts'
import { answerTo, inTime } from '../../https/client.ts'
import { unusable } from '../../https/faults.ts'
import { readPem } from '../../x509/pem.ts'
import { LONGEST_ANSWER } from '../protocol.ts'
import { BasicLogin } from './basic-login.ts'
import { connectionFault } from './faults.ts'

/** How the client logs in. */
export type Credentials =
  /**
   * HTTP Basic (RFC 7617). The password is read at each call and not kept: the caller wipes it. A function is called
   * each time, for a password that is not kept in between.
   */
  | { readonly user: string; readonly password: Uint8Array | (() => Uint8Array | Promise<Uint8Array>) }
  /** A certificate and its key in PEM, proved by TLS. */
  | { readonly certificate: string; readonly key: string }
  /**
   * A certificate and its key on a card, proved by TLS: an agent of `cardAgent`, which the caller destroys afterwards.
   */
  | { readonly agent: Agent }
  /** Gives an `Authorization` header for each call, as Negotiate needs it. */
  | { readonly authorize: (host: string) => Promise<string> }

export interface CaAddress {
  /** `https://ca.example`, with a path where the protocol has none of its own. */
  readonly url: string
  /** Certificates (PEM) to verify the server by; those of Node by default. */
  readonly ca?: string
  readonly credentials?: Credentials
  /** Milliseconds for each call as a whole; 30 000 by default. */
  readonly timeout?: number
}

export interface CaCall {
  readonly method: 'GET' | 'POST'
  /** Path and query below the origin of the address. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The call needs no login. */
  readonly anonymous?: boolean
  /** Called once the CA has proved its identity, right before the request goes out. */
  readonly sending?: (() => Promise<void>) | undefined
  /** Called after a redirect, before the request goes out once more. */
  readonly unaccepted?: (() => Promise<void>) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface CaResponse {
  readonly status: number
  /** Content-Type without parameters, in lower case. */
  readonly type: string
  readonly headers: IncomingMessage['headers']
  readonly body: Uint8Array
}

const TIMEOUT = 30_000
const MOST_REDIRECTS = 3
const REDIRECTS = [301, 302, 303, 307, 308]

/** @throws UsageError ERR_USAGE for anything but an https address */
export function addressOf(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'https:' || parsed.username !== '' || parsed.password !== '') {
    const shown = url.replace(/\/\/[^/@]*@/, '//...@').slice(0, 200)
    throw new UsageError(
      'ERR_USAGE',
      `'${shown}' is not the address of a CA. Write it as in https://ca.example.com, without a password.`,
    )
  }
  return parsed
}

export class Connection {
  readonly address: URL
  readonly #options: CaAddress
  /** With and without login: an anonymous call costs no signature and no PIN. */
  readonly #agent: { readonly known: Agent; readonly anonymous: Agent }
  readonly #trust: { readonly rejectUnauthorized: true; readonly minVersion: 'TLSv1.2'; readonly ca?: string[] }

  /** @throws UsageError ERR_USAGE for anything but an https address, or without certificates in `ca` */
  constructor(options: CaAddress) {
    this.address = addressOf(options.url)
    this.#options = options
    const { ca, credentials } = options
    const identity = credentials !== undefined && 'key' in credentials ? credentials : undefined
    try {
      // Explicit although it is the default: an environment variable could turn it off.
      const trust = { rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const
      this.#trust = { ...trust, ...(ca === undefined ? {} : { ca: certificatesOf(ca) }) }
      const identified = identity === undefined ? {} : { cert: identity.certificate, key: identity.key }
      const anonymous = new Agent({ secureContext: createSecureContext({ ...this.#trust, ...identified }) })
      const known = credentials !== undefined && 'agent' in credentials ? credentials.agent : anonymous
      this.#agent = { known, anonymous }
    } catch (cause) {
      throw new UsageError(
        'ERR_USAGE',
        'Something is not PEM: the certificates of the CA (--ca-file), or the certificate and key to log in with.',
        { cause },
      )
    }
  }

  /** One call, including redirects within the same host. @throws CaError; the reason of the signal */
  async call(call: CaCall): Promise<CaResponse> {
    // Not resolved as a relative address: a path with two slashes first would name another host.
    let url = new URL(this.address.origin + call.path)
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#once(url, call)
      const { status } = response
      if (!REDIRECTS.includes(status)) return response
      url = this.#redirected(url, call, response)
      if (redirects === MOST_REDIRECTS) throw this.answer(`it redirects more than ${MOST_REDIRECTS} times`, { status })
      await call.unaccepted?.()
    }
  }

  /** The error for a malformed or unexpected answer. */
  answer(why: string, details: { readonly cause?: unknown; readonly status?: number } = {}): CaError {
    return new CaError('ERR_CA_ANSWER', `The CA at ${this.address.host} ${unusable(why)}`, { ...details, fact: why })
  }

  #redirected(from: URL, { method }: CaCall, { status, headers }: CaResponse): URL {
    const location = headers.location ?? ''
    const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined
    if (url === undefined) throw this.answer('it redirects without saying where to', { status })
    if (url.protocol !== 'https:') {
      const message = `The CA at ${from.host} redirects to ${url.protocol}//, where no server can prove its identity. Nothing was sent there.`
      throw new CaError('ERR_CA_UNTRUSTED', `${message} Tell the people who run the CA.`, { status })
    }
    // RFC 7030, 3.2.1: the user has to decide about another host.
    if (url.origin !== from.origin) {
      throw this.answer(`it redirects to another host (${url.host}); if that is right, give its address`, { status })
    }
    if (method === 'POST' && status !== 307 && status !== 308)
      throw this.answer(`it redirects without saying where to send the request (HTTP status ${status})`, { status })
    return url
  }

  async #once(url: URL, call: CaCall): Promise<CaResponse> {
    const { signal, method, body, anonymous = false } = call
    // Outside the time limit of the call: a person may be asked.
    const basic = anonymous ? undefined : await this.#basic()
    try {
      return await inTime({ ms: this.#options.timeout ?? TIMEOUT, signal }, async (stop) => {
        const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }
        const login = anonymous ? {} : await this.#negotiated(url.hostname)
        const headers = { 'Accept-Encoding': 'identity', ...call.headers, ...login, ...basic?.header, ...length }
        const agent = this.#agent[anonymous ? 'anonymous' : 'known']
        const sent = request(url, { ...this.#trust, agent, headers, method, signal: stop })
        const answer = answerTo(sent)
        onceSecure(sent, async () => {
          await call.sending?.()
          basic?.fillIn(sent)
          sent.end(body)
        })
        const message = await answer
        return await read(message).catch((error: unknown) => {
          sent.destroy()
          throw error
        })
      })
    } catch (cause) {
      signal?.throwIfAborted()
      // Errors of the card, if its key is the login.
      if (cause instanceof CardError) throw cause
      throw connectionFault(url.host, cause)
    } finally {
      basic?.wipe()
    }
  }

  async #negotiated(host: string): Promise<Record<string, string>> {
    const { credentials } = this.#options
    if (credentials === undefined || !('authorize' in credentials)) return {}
    return { Authorization: await credentials.authorize(host) }
  }

  async #basic(): Promise<BasicLogin | undefined> {
    const { credentials } = this.#options
    if (credentials === undefined || !('password' in credentials)) return undefined
    const { user, password } = credentials
    return new BasicLogin(user, typeof password === 'function' ? await password() : password)
  }
}

/** Runs `work` once the server has proved its identity. A failure of `work` ends the request. */
function onceSecure(sent: ClientRequest, work: () => Promise<void>): void {
  const go = () => void work().catch((error: Error) => sent.destroy(error))
  sent.once('socket', (socket) => (sent.reusedSocket ? go() : socket.once('secureConnect', go)))
}

/** OpenSSL ignores what is not a certificate, and would then trust nothing without saying why. */
function certificatesOf(pem: string): string[] {
  const found = [...readPem(utf8(pem))].filter(({ label }) => label === 'CERTIFICATE')
  if (found.length === 0) throw new Error('there is no certificate')
  return found.map(({ der = new Uint8Array(0) }) => new X509Certificate(der).toString())
}

async function read(message: IncomingMessage): Promise<CaResponse> {
  const { headers, statusCode: status = 0 } = message
  if ((headers['content-encoding'] ?? 'identity') !== 'identity')
    throw new BadAnswer('it is encoded, which was not asked for')
  const body = await readBody(message, LONGEST_ANSWER)
  return { status, type: mediaType(message), headers, body }
}
