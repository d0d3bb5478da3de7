/**
 * The Unix socket of somebody who is signed in, for programs of the same user: HTTP, told apart by Host.
 *   http://service/PATH     goes to the service, as the one who is signed in, and nowhere else
 *   http://tessera/session  GET says who is signed in, DELETE signs out
 * Who may connect is a matter of file modes: the folder is its owner's alone, and so is the socket.
 */
import { chmod, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { CardError, FileError, SignInError, UsageError } from '../errors.ts'
import { fileError } from '../files/faults.ts'
import { absent } from '../files/steps.ts'
import type { OpenSession } from './open-session.ts'

/** Octets of the path of a Unix socket: sun_path without its end (unix(7)). */
const LONGEST_PATH = 107
/** What is between two neighbours: RFC 9110, 7.6.1. And what says who asks: that is ours to say. */
const BETWEEN = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']
const OURS = ['host', 'authorization', 'proxy-authorization', 'expect']
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** @throws UsageError ERR_USAGE for a path that no socket can have; FileError ERR_IO where others can reach into its folder */
export async function checkSocketPath(path: string): Promise<void> {
  const length = Buffer.byteLength(path)
  if (length <= LONGEST_PATH) return assertPrivate(dirname(path))
  const message = `The path of the socket would have ${length} octets, and ${LONGEST_PATH} is the most: ${path}. Use a shorter TESSERA_HOME.`
  throw new UsageError('ERR_USAGE', message)
}

export interface Control {
  /** Takes the socket away at once; an answer under way is not cut off. */
  close(): void
  /** Resolves when nobody is answered any more. */
  readonly closed: Promise<void>
}

/** When a session is over, and its card let go of, an answer may take so long, in milliseconds. */
const LAST_ANSWERS_MS = 2000
/** For the service to begin to answer: programs may wait for news. */
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
  await chmod(path, 0o600)
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

async function assertPrivate(folder: string): Promise<void> {
  const found = await stat(folder)
    .catch(absent(undefined))
    .catch((cause: unknown) => {
      throw fileError(cause, 'read', folder)
    })
  if (found === undefined) return
  const { mode, uid } = found
  if ((mode & 0o077) === 0 && uid === process.getuid?.()) return
  const message = `Others than you can reach into ${folder}, where sockets of sessions are. Make it yours alone: chmod 700 '${folder}'.`
  throw new FileError('ERR_IO', message, { path: folder })
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

/** What goes through as it is, in either direction. */
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
