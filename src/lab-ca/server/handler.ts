// From an HTTP call to its answer and its line in the log.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { CardError, isError } from '../../errors.ts'
import { LABORATORY, Refusal } from '../notice.ts'
import { type Answer, type Call, callOf, plain, send } from './http.ts'
import { LoginNeeded, REALM } from './login.ts'

/** Answers a call, or returns undefined to leave it to the next route. @throws Refusal */
export type Route = (call: Call) => Promise<Answer | undefined>

export function handler(log: (line: string) => void, routes: readonly Route[]): RequestListener {
  return (message: IncomingMessage, response: ServerResponse) => {
    // Read now: once the client has gone, the socket no longer knows the address.
    const from = message.socket.remoteAddress ?? '-'
    void answer(message, routes).then((given) => {
      log(line(from, message, given))
      // The rest of a refused body is not waited for.
      if (given.status >= 400) response.setHeader('Connection', 'close')
      send(response, given)
    })
  }
}

async function answer(message: IncomingMessage, routes: readonly Route[]): Promise<Answer> {
  try {
    const call = callOf(message)
    for (const route of routes) {
      const given = await route(call)
      if (given !== undefined) return given
    }
    return plain(404, 'There is nothing here: see docs/lab-ca.md for what this CA has.')
  } catch (error) {
    if (error instanceof LoginNeeded) {
      return plain(error.status, error.message, { 'WWW-Authenticate': `Basic realm="${REALM}", charset="UTF-8"` })
    }
    if (error instanceof Refusal)
      return plain(error.status, error.message, error.status === 503 ? { 'Retry-After': '60' } : {})
    if (error instanceof CardError)
      return { ...plain(500, 'The CA cannot do this now.'), what: `${error.code}: ${error.message}` }
    return { ...plain(500, 'The CA cannot do this now.'), what: isError(error) ? error.message : 'unknown' }
  }
}

/** Always one line, whatever a client puts into it. */
function line(from: string, { method, url = '' }: IncomingMessage, { status, what = '' }: Answer): string {
  const words = [from, method ?? '', url.slice(0, 200), String(status), what.slice(0, 300)]
  return `${LABORATORY} ${words.join(' ').replace(/[^ -~]/g, '?')}`
}
