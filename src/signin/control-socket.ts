/**
 * The Unix socket of a session, for programs of the same user: HTTP, with two hosts.
 *   http://service/PATH     goes to the service with the session's authentication
 *   http://tessera/session  GET says who is signed in, DELETE signs out
 * File modes restrict it to its owner.
 */
import * as fs from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { CardError, FileError, SignInError, UsageError } from '../errors.ts'
import { assertPrivate } from '../home/socket-path.ts'
import type { OpenSession } from './open-session.ts'

/** Not forwarded: hop-by-hop fields (RFC 9110, 7.6.1), and authentication, which is the session's. */
const BETWEEN = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']
const OURS = ['host', 'authorization', 'proxy-authorization', 'expect']
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

export interface Control {
  /** Removes the socket at once; current requests still get their answers. */
  close(): void
  /** Resolves when all requests are answered. */
  readonly closed: Promise<void>
}

/** How long an answer may take after the session has ended, in milliseconds. */
const LAST_ANSWERS_MS = 2000
/** Until the service begins to answer: long, for programs that use long polling. */
const PATIENCE_MS = 600_000

/** @throws FileError */
export async function openControl(path: string, session: OpenSession): Promise<Control> {
  await assertPrivate(dirname(path))
  const server = createServer((message, response) => {
    void answer(session, message, response).catch(() => response.destroy())
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 0
  server.on('upgrade', (_, socket) => socket.destroy()).on('connect', (_, socket) => socket.destroy())
  await listening(server, path)
  await fs.chmod(path, 0o600)
  const closed = new Promise<void>((resolve) => server.once('close', resolve))
  return {
    close() {
      server.close()
      server.closeIdleConnections()
      void session.ended.then(() => setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS).unref())
    },
    closed,
  }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new FileError('ERR_IO', `${path} could not be opened as a socket: ${cause.message}.`, { cause, path }))
    })
    server.listen(path, () => resolve())
  })
}

async function answer(session: OpenSession, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const host = message.headers.host?.replace(/:80$/, '')
  if (host === 'service') return forward(session, message, response)
  if (host === 'tessera' && message.url === '/session') return control(session, message, response)
  json(response, 421, {
    error: 'wrong-host',
    message: 'Use http://service/ for the service, or http://tessera/session.',
  })
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), Connection: 'close' }
  response.writeHead(status, headers).end(body)
}

async function control(session: OpenSession, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const { user, address, how, service, since, expires } = session
  if (message.method === 'GET')
    return json(response, 200, { user, address, how, service, since, expires, pid: process.pid })
  if (message.method === 'DELETE') return json(response, 200, await session.signOut())
  json(response, 405, { error: 'wrong-method', message: 'GET says who is signed in, DELETE signs out.' })
}

/** The fields that are forwarded, in either direction. */
function passing(headers: IncomingMessage['headers'], without: readonly string[]): Record<string, string | string[]> {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase())
  const kept = Object.entries(headers).filter(([name]) => ![...BETWEEN, ...without, ...named].includes(name))
  return Object.fromEntries(kept) as Record<string, string | string[]>
}

async function forward(session: OpenSession, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url: path = '' } = message
  if (!METHODS.includes(method) || !path.startsWith('/')) {
    return json(response, 405, { error: 'wrong-method', message: 'This does not go to the service.' })
  }
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const hasBody = message.headers['content-length'] !== undefined || message.headers['transfer-encoding'] !== undefined
  try {
    const headers = passing(message.headers, OURS)
    const call = { method, path, headers, signal: gone.signal, timeout: PATIENCE_MS, ...(hasBody && { body: message }) }
    const { status, headers: answered, body } = await session.open(call)
    response.writeHead(status, passing(answered, []))
    await pipeline(body, response)
  } catch (error) {
    if (response.headersSent || gone.signal.aborted) return void response.destroy()
    const known = error instanceof CardError
    const status = error instanceof UsageError ? 400 : error instanceof SignInError ? 502 : 500
    json(response, status, known ? { error: error.code, message: error.message } : { error: 'ERR_INTERNAL' })
  }
}
