// A server over TLS that answers as a test says, with a certificate that the laboratory CA of the test vouches for.
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import type { CaAddress, Credentials } from '../../src/enroll/protocols/connection.ts'
import { CaError, type ErrorCode } from '../../src/errors.ts'
import { type Lab, PASSWORDS, type UserName } from '../lab-ca/support.ts'

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Answer = (response: ServerResponse, seen: Seen, message: IncomingMessage) => void

export interface Scripted {
  readonly url: string
  /** What answers from now on. */
  answer: Answer
  readonly seen: Seen[]
  /** The next connection is closed at once. */
  hangUp(): void
  close(): Promise<void>
}

/** `identity`: certificate and key in PEM; a plain server without. */
export async function scripted(
  identity?: { readonly certificate: string; readonly key: string },
  options: ServerOptions = {},
): Promise<Scripted> {
  const seen: Seen[] = []
  const state = { answer: ((response) => response.writeHead(500).end()) as Answer }
  const listener = (message: IncomingMessage, response: ServerResponse) => {
    void text(message).then(
      (body) => {
        const call = { method: message.method ?? '', url: message.url ?? '', headers: message.headers, body }
        seen.push(call)
        state.answer(response, call, message)
      },
      () => undefined,
    )
  }
  const server: Server | ReturnType<typeof createPlain> =
    identity === undefined
      ? createPlain(listener)
      : createServer({ ...options, cert: identity.certificate, key: identity.key }, listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${identity === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    seen,
    get answer() {
      return state.answer
    },
    set answer(answer) {
      state.answer = answer
    },
    hangUp: () => void server.once('connection', (socket: Socket) => socket.destroy()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export const login = (user: UserName = 'alice'): Credentials => ({ user, password: utf8(PASSWORDS[user]) })

/** How a client is told to find a laboratory CA. */
export const address = (lab: Lab, more: Partial<CaAddress> = {}): CaAddress => ({
  url: lab.url,
  ca: lab.pem,
  credentials: login(),
  ...more,
})

/** The CaError that `work` ends with; it says a sentence, and no password. */
export async function caError(code: ErrorCode, work: Promise<unknown>): Promise<CaError> {
  const error = await work.then(
    (value) => new Error(`${code} was expected, and this came: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof CaError)) throw error
  assert.is(error.code, code, error.message)
  assert.match(error.message, /^[A-Z].{20,}[.]$/s)
  for (const password of Object.values(PASSWORDS)) assert.not.match(`${error.stack}`, password)
  return error as CaError
}
