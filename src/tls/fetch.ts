// fetch over an agent: the platform's Request and Response, with Node's https in between.
import type { IncomingMessage } from 'node:http'
import { type Agent, request } from 'node:https'
import { pipeline, Readable } from 'node:stream'
import { UsageError } from '../errors.ts'
import { BadAnswer } from '../https/body.ts'
import { answerTo } from '../https/client.ts'
import { unusable } from '../https/faults.ts'

export type CardFetchInit = RequestInit & { readonly duplex?: 'half' }

const MOST_REDIRECTS = 20
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]
/** Fetch standard, "null body status". */
const BODILESS: readonly number[] = [101, 204, 205, 304]

/** @throws UsageError ERR_USAGE for another scheme; TypeError as fetch, for a redirect to another origin too */
export async function fetchOver(agent: Agent, url: string | URL, init: CardFetchInit = {}): Promise<Response> {
  let next = new Request(url, init)
  for (let redirects = 0; ; redirects += 1) {
    const { protocol, origin } = new URL(next.url)
    if (protocol !== 'https:') throw new UsageError('ERR_USAGE', `A card's agent fetches https: only, not ${protocol}`)
    // A stream cannot be sent twice; anything else is short enough to be kept.
    const body = init.body instanceof ReadableStream ? next.body : Buffer.from(await next.arrayBuffer())
    const answer = await send(agent, next, body)
    const { statusCode = 0, headers } = answer
    const target = REDIRECTS.includes(statusCode) ? headers.location : undefined
    if (target === undefined || next.redirect === 'manual') return toResponse(answer, next, redirects > 0)
    answer.resume()
    const where = new URL(target, next.url)
    if (next.redirect === 'error')
      throw new TypeError(`The server redirects to ${where}, which this request does not allow.`)
    if (redirects === MOST_REDIRECTS) throw new TypeError('The server redirects too many times.')
    // Following it would show the card's certificate to another server.
    if (where.origin !== origin)
      throw new TypeError(`The server redirects to another one, ${where.origin}. Fetch from there yourself.`)
    next = redirected(next, where, statusCode, body)
  }
}

/** Fetch standard, HTTP-redirect fetch, steps 12 to 14. */
function redirected(from: Request, where: URL, status: number, body: Buffer | ReadableStream | null): Request {
  const { headers, signal, redirect, method } = from
  const dropsBody =
    status === 303 ? !['GET', 'HEAD'].includes(method) : [301, 302].includes(status) && method === 'POST'
  if (dropsBody) {
    for (const name of ['content-length', 'content-type', 'content-encoding', 'content-language']) headers.delete(name)
    return new Request(where, { headers, signal, redirect, method: 'GET' })
  }
  if (body instanceof ReadableStream)
    throw new TypeError('The server redirects, and the body was a stream, which cannot be sent again.')
  return new Request(where, { headers, signal, redirect, method, ...(body && body.length > 0 && { body }) })
}

async function send(agent: Agent, { url, method, headers, signal }: Request, body: Buffer | ReadableStream | null) {
  const fields: Record<string, string> = {
    accept: '*/*',
    'accept-encoding': 'identity',
    ...Object.fromEntries(headers),
  }
  if (Buffer.isBuffer(body) && (body.length > 0 || method === 'POST' || method === 'PUT')) {
    fields['content-length'] = String(body.length)
  }
  signal.throwIfAborted()
  const outgoing = request(url, { agent, method, headers: fields })
  const answered = answerTo(outgoing).catch((error: unknown) => {
    if (error instanceof BadAnswer) throw new TypeError(`The server ${unusable(error.message)}`, { cause: error })
    throw error
  })
  const release = untilAborted(signal, (reason) => outgoing.destroy(reason))
  if (body instanceof ReadableStream) {
    // An error of either ends the other.
    pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), outgoing, () => {})
  } else outgoing.end(body)
  const answer = await answered.finally(release)
  answer.once(
    'close',
    untilAborted(signal, (reason) => answer.destroy(reason)),
  )
  return answer
}

/** @returns a function that stops it */
function untilAborted(signal: AbortSignal, giveUp: (reason: Error) => void): () => void {
  const listener = () => giveUp(signal.reason)
  signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}

/** @throws TypeError for a status or a field that a Response cannot have; the connection is not used again then */
function toResponse(answer: IncomingMessage, request: Request, redirected: boolean): Response {
  try {
    return responseOf(answer, request, redirected)
  } catch (cause) {
    answer.destroy()
    throw new TypeError("fetch cannot represent the server's answer.", { cause })
  }
}

function responseOf(answer: IncomingMessage, { url, method }: Request, redirected: boolean): Response {
  const { statusCode: status = 0, statusMessage: statusText = '', rawHeaders } = answer
  const headers = new Headers()
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
  const empty = method === 'HEAD' || BODILESS.includes(status)
  if (empty) answer.resume()
  const body = empty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>)
  const response = new Response(body, { status, statusText, headers })
  Object.defineProperties(response, { url: { value: url }, redirected: { value: redirected } })
  return response
}
