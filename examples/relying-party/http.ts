// Calls and answers: bodies with bounds, JSON for programs and a page for people, a line of the log for each.
import { createHash } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { type Page, pageOf, STYLE } from './page.ts'
import { Refusal, type RefusalCode } from './refusals.ts'

const LONGEST_BODY = 32 * 1024

export interface Answer {
  readonly status: number
  readonly json: Readonly<Record<string, string>>
  readonly page: Page
  /** For the log: what was done, in a few words. */
  readonly what: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Call {
  readonly socket: TLSSocket
  readonly host: string
  /** What follows `Authorization: Bearer`. */
  readonly bearer: string | undefined
  /** @throws Refusal wrong-type, too-large, bad-request */
  json(): Promise<unknown>
}

export type Route = (call: Call) => Promise<Answer>
/** By path and method. */
export type Routes = Readonly<Record<string, Readonly<Record<string, Route>>>>

export function handler(log: (line: string) => void, routes: Routes): RequestListener {
  return (message, response) => {
    const from = message.socket.remoteAddress ?? '-'
    void answerTo(message, routes).then((answer) => {
      // Neither query nor headers: a secret could be in them.
      const path = (message.url ?? '').split('?', 1)[0]?.slice(0, 100)
      const line = [from, message.method, path, answer.status, answer.what.slice(0, 300)].join(' ')
      log(line.replace(/[^ -~]/g, '?'))
      send(message, response, answer)
    })
  }
}

async function answerTo(message: IncomingMessage, routes: Routes): Promise<Answer> {
  try {
    const path = (message.url ?? '').split('?', 1)[0] ?? ''
    const methods = routes[path]
    if (methods === undefined) throw new Refusal('not-found')
    const route = methods[message.method ?? '']
    if (route === undefined) throw new Refusal('wrong-method')
    return await route(callOf(message))
  } catch (error) {
    if (error instanceof Refusal) return refusal(error)
    return refusal(new Refusal('failed', { detail: error instanceof Error ? (error.stack ?? error.message) : '' }))
  }
}

const TITLES: Partial<Record<RefusalCode, string>> = {
  'no-certificate': 'Nobody is signed in',
  'signed-out': 'Signed out',
}

function refusal({ code, message, status, detail }: Refusal): Answer {
  return {
    status,
    json: { error: code, message },
    page: { title: TITLES[code] ?? 'Not signed in', says: message, facts: { Code: code } },
    what: detail === '' ? code : `${code}: ${detail}`,
    ...(status === 401 ? { headers: { 'WWW-Authenticate': 'Bearer' } } : {}),
  }
}

function callOf(message: IncomingMessage): Call {
  const [, bearer] = /^Bearer ([A-Za-z0-9_-]{1,200})$/.exec(message.headers.authorization ?? '') ?? []
  return {
    socket: message.socket as TLSSocket,
    host: message.headers.host ?? '',
    // What is there and is no token is one that nobody has.
    bearer: message.headers.authorization === undefined ? undefined : (bearer ?? ''),
    json: () => readJson(message),
  }
}

/** A page of another site can send no JSON here without being asked first, which is not answered. */
async function readJson(message: IncomingMessage): Promise<unknown> {
  const type = (message.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw new Refusal('wrong-type')
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > LONGEST_BODY) throw new Refusal('too-large')
    chunks.push(chunk)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch {
    throw new Refusal('bad-request')
  }
}

const style = createHash('sha256').update(STYLE).digest('base64')
const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${style}'; frame-ancestors 'none'`,
} as const

function send(message: IncomingMessage, response: ServerResponse, { status, json, page, headers = {} }: Answer): void {
  const plain = /\bapplication\/json\b/.test(message.headers.accept ?? '')
  const body = status === 204 ? '' : plain ? `${JSON.stringify(json)}\n` : pageOf(page)
  const type = plain ? 'application/json' : 'text/html; charset=utf-8'
  // What is left of a body that was refused is not waited for.
  const end = message.complete ? {} : { Connection: 'close' }
  response.writeHead(status, {
    ...HEADERS,
    ...(status === 204 ? {} : { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }),
    ...headers,
    ...end,
  })
  response.end(body)
}
