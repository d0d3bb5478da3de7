// Shared by every page and protocol of the server: answers, bounded bodies, and the parts of a call.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { mediaType, readBody, TooLong } from '../../https/body.ts'
import { LABORATORY, Refusal } from '../notice.ts'

/** Most octets of a body: a request in base64, escaped once more in a form, and some room. */
export const LONGEST_BODY = 64 * 1024

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  /** For the log: what was done, in a few words. */
  readonly what?: string
}

export interface Call {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  /** A certificate of this CA for which the client proved that it has the key; DER. */
  readonly clientCertificate: Uint8Array | undefined
  /** @throws Refusal 413 for too many octets, 415 for any other type */
  body(types: readonly string[]): Promise<Uint8Array>
}

/** An answer in plain text. */
export const plain = (status: number, words: string, headers?: Answer['headers']): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${words}\n${LABORATORY}\n`,
  ...(headers === undefined ? {} : { headers }),
  what: words,
})

export function callOf(message: IncomingMessage): Call {
  const url = urlOf(message.url ?? '/')
  const socket = message.socket as TLSSocket
  const raw = socket.authorized ? socket.getPeerCertificate().raw : undefined
  return {
    method: message.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: message.headers,
    clientCertificate: raw && Uint8Array.from(raw),
    body: (types) => bodyOf(message, types),
  }
}

/** A path, which may begin with two slashes, or a complete address: RFC 9112, 3.2. @throws Refusal 400 */
function urlOf(target: string): URL {
  const address = target.startsWith('/') ? `https://localhost${target}` : target
  if (URL.canParse(address)) return new URL(address)
  throw new Refusal(400, 'What is asked for is not a path.')
}

async function bodyOf(message: IncomingMessage, types: readonly string[]): Promise<Uint8Array> {
  if (!types.includes(mediaType(message)))
    throw new Refusal(415, `What was sent has to be of the type ${types.join(' or ')}.`)
  try {
    return await readBody(message, LONGEST_BODY)
  } catch (error) {
    if (error instanceof TooLong) throw new Refusal(413, `What was sent has more than ${LONGEST_BODY} octets.`)
    throw error
  }
}

export function send(response: ServerResponse, { status, type, body, headers = {} }: Answer): void {
  const octets = typeof body === 'string' ? Buffer.from(body) : body
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': octets.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Laboratory': LABORATORY,
    ...headers,
  })
  response.end(octets)
}
