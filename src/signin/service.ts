/**
 * Calls to a service: HTTPS to its origin only, with bounded answers and errors for the user. docs/relying-party.md has
 * the protocol.
 */

import type { IncomingMessage } from 'node:http'
import { type Agent, request } from 'node:https'
import { addAbortSignal, type Readable } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { isUint8Array } from 'node:util/types'
import * as v from 'valibot'
import { CardError, isError, SignInError, TlsError } from '../errors.ts'
import { readBody } from '../https/body.ts'
import { answerTo, inTime } from '../https/client.ts'
import { serverFault, unusable } from '../https/faults.ts'
import { pemOf } from '../x509/pem.ts'
import { jsonOf, LONGEST_ANSWER, type Refusal, readRefusal } from './answers.ts'

/** How to authenticate: an agent with a client certificate, or headers. */
export interface Way {
  readonly agent: Agent
  readonly headers: Readonly<Record<string, string>>
}

export interface Call {
  readonly method: string
  /** Path and query, from its first slash. */
  readonly path: string
  /** If the body is a stream, `content-length` is its length. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Uint8Array | Readable | undefined
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until the answer begins; 30 000 unless given. */
  readonly timeout?: number | undefined
}

const TIMEOUT = 30_000
const CODES = {
  untrusted: 'ERR_SERVICE_UNTRUSTED',
  login: 'ERR_SIGN_IN_REFUSED',
  unavailable: 'ERR_SERVICE_UNAVAILABLE',
  answer: 'ERR_SERVICE_ANSWER',
} as const

export class Service {
  readonly origin: string
  /** Its trusted CA certificates (PEM); Node's own if undefined. */
  readonly ca: string[] | undefined
  readonly #timeout: number
  /** How many prompts wait for the user. */
  #asking = 0

  constructor(origin: string, ca: readonly Uint8Array[] | undefined, timeout = TIMEOUT) {
    this.origin = origin
    this.ca = ca?.map(pemOf)
    this.#timeout = timeout
  }

  get host(): string {
    return new URL(this.origin).host
  }

  /** Runs `ask`, which waits for the user, and stops the service's time limits meanwhile. */
  async whileAsking<T>(ask: () => T | Promise<T>): Promise<T> {
    this.#asking += 1
    try {
      return await ask()
    } finally {
      this.#asking -= 1
    }
  }

  /**
   * Checks that the service is reachable and trusted, before the user is asked for a PIN.
   * @throws SignInError ERR_SERVICE_UNAVAILABLE, ERR_SERVICE_UNTRUSTED; the reason of the signal
   */
  async probe(signal: AbortSignal): Promise<void> {
    const { hostname, port } = new URL(this.origin)
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    const servername = /^[\d.]+$|:/.test(host) ? '' : host
    const trust = { minVersion: 'TLSv1.2' as const, rejectUnauthorized: true, ...(this.ca && { ca: this.ca }) }
    const socket = connect({ host, port: Number(port || 443), servername, ...trust })
    try {
      await this.#inTime({ signal }, () => connected(socket))
    } catch (cause) {
      // A service that requires a certificate may close the connection here. It is reachable, which is enough.
      if (cause instanceof SignInError && /ALERT(?!_PROTOCOL_VERSION)|EPROTO/.test(codeOf(cause.cause))) return
      throw cause
    } finally {
      socket.destroy()
    }
  }

  /**
   * Makes a call; the answer is a stream.
   * @throws SignInError ERR_SERVICE_UNAVAILABLE, ERR_SERVICE_UNTRUSTED, ERR_SIGN_IN_REFUSED if TLS refuses; errors of the
   * card and of the PIN callback; the reason of the signal
   */
  async open(way: Way, call: Call): Promise<IncomingMessage> {
    const { method, path, body, signal } = call
    // Not resolved as a relative address: a path with two slashes first would name another host.
    const url = new URL(this.origin + path)
    const headers = { ...call.headers, ...frameOf(call), ...way.headers } as Record<string, string>
    let reused = false
    try {
      const message = await this.#inTime(call, (stop) => {
        const sent = request(url, { agent: way.agent, method, headers, signal: stop })
        sent.once('socket', () => {
          reused = sent.reusedSocket
        })
        const answered = answerTo(sent)
        if (body === undefined || typeof body === 'string' || isUint8Array(body)) sent.end(body)
        else body.once('error', (error) => sent.destroy(error)).pipe(sent)
        return answered
      })
      return signal === undefined ? message : addAbortSignal(signal, message)
    } catch (error) {
      // The service closed an idle connection just as it was reused.
      const again = reused && body === undefined && ['GET', 'HEAD', 'DELETE'].includes(method)
      if (again && /^(ECONNRESET|EPIPE)$/.test(codeOf((error as Error).cause))) return this.open(way, call)
      throw error
    }
  }

  /** Makes a call with a JSON answer. @throws as `open`; SignInError ERR_SIGN_IN_REFUSED, ERR_SERVICE_ANSWER */
  async ask<Answer>(way: Way, call: Call, schema: v.GenericSchema<unknown, Answer>): Promise<Answer> {
    const json = call.body === undefined ? {} : { 'Content-Type': 'application/json' }
    const headers = { Accept: 'application/json', ...json, ...call.headers }
    const message = await this.open(way, { ...call, headers })
    const { statusCode: status = 0 } = message
    const body = await this.read(message, call)
    if (status === 200) {
      const parsed = v.safeParse(schema, jsonOf(message, body))
      if (parsed.success) return parsed.output
      throw this.answer(`${v.getDotPath(parsed.issues[0])?.slice(0, 60) ?? 'it'} is not as documented`)
    }
    const refusal = readRefusal(message, body)
    if (refusal === undefined) throw this.answer(`its status is ${status}`, status)
    throw this.refused(refusal, status)
  }

  /** Reads a whole answer in time. @throws as `open`; SignInError ERR_SERVICE_ANSWER if it is longer than `limit` octets */
  read(message: IncomingMessage, call: Pick<Call, 'signal' | 'timeout'>, limit = LONGEST_ANSWER): Promise<Uint8Array> {
    return this.#inTime(call, (stop) => readBody(addAbortSignal(stop, message), limit))
  }

  /** An error about an invalid answer. */
  answer(why: string, status?: number): SignInError {
    const details = status === undefined ? {} : { status }
    return new SignInError('ERR_SERVICE_ANSWER', `The service at ${this.host} ${unusable(why)}`, details)
  }

  refused({ reason, words }: Refusal, status: number): SignInError {
    const said = words === '' ? reason : `${reason}: ${words}`
    // The service cannot decide now, which is not a refusal.
    const code = status >= 500 ? 'ERR_SERVICE_UNAVAILABLE' : 'ERR_SIGN_IN_REFUSED'
    return new SignInError(code, `The service at ${this.host} did not sign you in (${said}).`, { reason, status })
  }

  /** Runs `work` with a time limit, and turns errors into SignInError. */
  async #inTime<T>(
    { signal, timeout = this.#timeout }: Pick<Call, 'signal' | 'timeout'>,
    work: (stop: AbortSignal) => Promise<T>,
  ): Promise<T> {
    try {
      return await inTime({ ms: timeout, signal, isPaused: () => this.#asking > 0 }, work)
    } catch (cause) {
      signal?.throwIfAborted()
      throw this.#fault(cause)
    }
  }

  /** An error of the card comes before the TLS error that it caused. */
  #fault(cause: unknown): unknown {
    for (let below = cause; isError(below); below = below.cause) {
      if (below instanceof CardError && !(below instanceof TlsError)) return below
    }
    if (cause instanceof TlsError) {
      const code = cause.code === 'ERR_TLS_REFUSED' ? 'ERR_SIGN_IN_REFUSED' : 'ERR_SERVICE_UNAVAILABLE'
      return new SignInError(code, `The service at ${this.host}: ${cause.message}`, { cause })
    }
    const { kind, words } = serverFault(cause)
    return new SignInError(CODES[kind], `The service at ${this.host} ${words}`, { cause })
  }
}

/** Delimits the body. With some methods Node sends no length, and the rest would be read as the next request. */
function frameOf({ body, headers = {} }: Call): Readonly<Record<string, string>> {
  if (body === undefined) return {}
  if (typeof body === 'string' || isUint8Array(body)) return { 'content-length': String(Buffer.byteLength(body)) }
  return 'content-length' in headers ? {} : { 'transfer-encoding': 'chunked' }
}

const connected = (socket: TLSSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve()).once('error', reject)
    socket.once('close', () => reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })))
  })

const codeOf = (cause: unknown): string => String((cause as NodeJS.ErrnoException | undefined)?.code ?? '')
