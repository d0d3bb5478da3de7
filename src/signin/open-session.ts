// A session with its internal methods; session.ts is its public interface.
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { PinError, SignInError, UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import { readRefusal } from './answers.ts'
import type { EndReason, Method } from './methods.ts'
import type { Call, Service, Way } from './service.ts'
import type { Ended, Session, SessionFacts, SessionRequest } from './session.ts'

/** Refusals by which a service says that the session has ended. */
const ENDS = ['signed-out', 'revoked', 'expired', 'untrusted', 'unknown-user']
const LONGEST_REFUSAL = 4096
/** Time limit for the sign-out call to the service, in milliseconds. */
const FAREWELL_MS = 5000
/** How often to check the clock, in milliseconds: timers stop while the machine sleeps, and cannot exceed 24 days. */
const CHECK_MS = 60_000

/** A forwarded call, as octets. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Readable
}

export class OpenSession extends EventEmitter<{ ended: [Ended] }> implements Session {
  readonly user: string
  readonly address: string
  readonly how: Method
  readonly slot: string
  readonly expires: Date
  readonly since: Date
  readonly card: Card
  readonly #service: Service
  readonly #way: Way
  #timer: NodeJS.Timeout | undefined
  readonly #atEnd: Array<(reason: EndReason) => Promise<void>> = []
  #atLast: (reason: EndReason) => Promise<void> = async () => {}
  #closing: Promise<Ended> | undefined

  constructor(facts: SessionFacts, parts: { readonly card: Card; readonly service: Service; readonly way: Way }) {
    super()
    this.user = facts.user
    this.address = facts.address
    this.how = facts.how
    this.slot = facts.slot
    this.expires = facts.expires
    this.since = facts.since
    this.card = parts.card
    this.#service = parts.service
    this.#way = parts.way
    this.#watchTime()
  }

  get service(): string {
    return this.#service.origin
  }

  get ended(): Promise<Ended> {
    if (this.#closing !== undefined) return this.#closing
    return new Promise((resolve) => this.once('ended', resolve))
  }

  async fetch(path: string, init: SessionRequest = {}): Promise<Response> {
    const { status, headers, body } = await this.open({ method: 'GET', ...init, path })
    const lists = Object.entries(headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one): [string, string] => [name, one]),
    )
    const bare = [204, 205, 304].includes(status)
    if (bare) body.resume()
    return new Response(bare ? null : (Readable.toWeb(body) as ReadableStream), { status, headers: lists })
  }

  /** Like `fetch`, with streams as bodies in both directions. */
  async open({ path, ...call }: Call): Promise<Answer> {
    if (this.#left() <= 0) void this.end('expired')
    if (this.#closing !== undefined) throw this.#over()
    const url = new URL(path, this.#service.origin)
    if (url.origin !== this.#service.origin) {
      throw new UsageError('ERR_USAGE', `A session calls only its own service, ${this.#service.origin}.`)
    }
    try {
      const message = await this.#service.open(this.#way, { ...call, path: url.pathname + url.search })
      return await this.#checked(message, call)
    } catch (error) {
      // A new connection needs a signature, but the user is not asked for the PIN here.
      if (error instanceof PinError && error.code === 'ERR_PIN_REQUIRED') void this.end('expired')
      throw error
    }
  }

  signOut(): Promise<Ended> {
    return this.end('signed-out')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.signOut()
  }

  /** Runs `work` when the session ends, before `ended` is emitted; last added, first run. */
  atEnd(work: (reason: EndReason) => Promise<void>): void {
    if (this.#closing === undefined) this.#atEnd.unshift(work)
    else void this.#closing.then(({ reason }) => work(reason)).catch(() => undefined)
  }

  /** Runs `work` after all others. */
  atLast(work: (reason: EndReason) => Promise<void>): void {
    this.#atLast = work
    void this.#closing?.then(({ reason }) => work(reason)).catch(() => undefined)
  }

  /** Ends it, once. */
  end(reason: EndReason): Promise<Ended> {
    this.#closing ??= this.#end(reason)
    return this.#closing
  }

  async #end(reason: EndReason): Promise<Ended> {
    clearTimeout(this.#timer)
    const told = reason === 'service' || (await this.#farewell())
    this.#way.agent.destroy()
    for (const work of [...this.#atEnd, this.#atLast]) await work(reason).catch(() => undefined)
    this.emit('ended', { reason, told })
    return { reason, told }
  }

  /** Whether the service was told. */
  async #farewell(): Promise<boolean> {
    try {
      const call = {
        method: 'DELETE',
        path: '/session',
        timeout: FAREWELL_MS,
        signal: AbortSignal.timeout(FAREWELL_MS),
      }
      const message = await this.#service.open(this.#way, call)
      message.resume()
      return message.statusCode === 204
    } catch {
      return false
    }
  }

  /** A refusal that says that the session is over ends it here too. */
  async #checked(message: IncomingMessage, call: Pick<Call, 'signal' | 'timeout'>): Promise<Answer> {
    const { statusCode: status = 0, headers } = message
    if (status < 200 || status > 599) {
      message.destroy()
      throw this.#service.answer(`its status is ${status}`, status)
    }
    const length = Number(headers['content-length'] ?? Number.NaN)
    if (status !== 401 || !(length <= LONGEST_REFUSAL)) return { status, headers, body: message }
    const body = await this.#service.read(message, call, LONGEST_REFUSAL)
    const { reason } = readRefusal(message, body) ?? {}
    if (reason !== undefined && ENDS.includes(reason)) void this.end('service')
    return { status, headers, body: Readable.from([body]) }
  }

  #watchTime(): void {
    const check = () => (this.#left() > 0 ? this.#watchTime() : void this.end('expired'))
    this.#timer = setTimeout(check, Math.min(this.#left(), CHECK_MS))
  }

  /** Milliseconds by the system clock. */
  #left(): number {
    return this.expires.getTime() - Date.now()
  }

  #over(): SignInError {
    return new SignInError('ERR_SIGNED_OUT', `The session of ${this.address} is over. Sign in again.`)
  }
}
