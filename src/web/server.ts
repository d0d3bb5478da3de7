// The server of the page: on loopback, at a port that is free, by the user's own process, for that user alone.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { wipe } from '../bytes.ts'
import { ownerOf } from '../serve/vpcd/peer.ts'
import { ACTS, type ActName, type ActPlace } from './acts.ts'
import { readAssets } from './assets.ts'
import { Form, readForm } from './form.ts'
import { HEADERS, type Refusal, refusalOf } from './gate.ts'
import { Live } from './live.ts'
import { Sessions } from './session.ts'
import { shownError } from './view.ts'

export interface WebOptions extends ActPlace {
  /** How long it goes on without an open page, in milliseconds. */
  readonly idleMs?: number
}

export interface Web {
  /** With the token, which works once. */
  readonly url: string
  /** Resolves when no page has been open for five minutes. */
  readonly idle: Promise<void>
  close(): Promise<void>
}

const FIVE_MINUTES = 300_000
const LIMITS = {
  maxHeaderSize: 8192,
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 1000,
}
const MOST_CONNECTIONS = 64

/** @throws FileError where the home of the cards cannot be used */
export async function startWeb({ idleMs = FIVE_MINUTES, ...place }: WebOptions = {}): Promise<Web> {
  const assets = await readAssets()
  let rest = () => {}
  const idle = new Promise<void>((resolve) => {
    rest = resolve
  })
  const live = await Live.start(place, idleMs, () => rest())
  const sessions = new Sessions()
  const server = createServer(LIMITS)
  server.maxConnections = MOST_CONNECTIONS
  const port = await listening(server)
  const web = { assets, live, sessions, place, port }
  server.on('request', (message, response) => void answer(web, message, response))
  const close = async () => {
    await live.close()
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
  return { url: `http://127.0.0.1:${port}/#${sessions.token}`, idle, close }
}

interface Parts {
  readonly assets: Awaited<ReturnType<typeof readAssets>>
  readonly live: Live
  readonly sessions: Sessions
  readonly place: ActPlace
  readonly port: number
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host: '127.0.0.1', port: 0 }, resolve)
  })
  // A later error, as of a connection that could not be accepted, does not end the server.
  server.on('error', () => undefined)
  return (server.address() as AddressInfo).port
}

async function answer(parts: Parts, message: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { method = '', url = '', headers } = message
    const request = { method, path: url, headers }
    const refused = refusalOf(request, parts.port) ?? (await refusalOfUser(message.socket))
    if (refused !== undefined) return refuse(response, refused)
    if (!url.startsWith('/api/')) return sendAsset(parts, message, response)
    if (method === 'POST' && url === '/api/session') return await exchange(parts, message, response)
    if (!parts.sessions.has(headers.cookie, parts.port)) return refuse(response, { status: 401, why: 'session' })
    if (method === 'GET' && url === '/api/events') return stream(parts, response)
    const name = url.slice('/api/'.length)
    if (method === 'POST' && Object.hasOwn(ACTS, name)) return await act(parts, name as ActName, message, response)
    refuse(response, { status: 404, why: 'path' })
  } catch (error) {
    if (response.headersSent) response.destroy()
    else send(response, 500, { error: shownError(error) })
  }
}

const owners = new WeakMap<Socket, Promise<number | undefined>>()

/** Cookies of one host go to all its ports: another user of this machine may have the cookie, but not this process's user. */
async function refusalOfUser(socket: Socket): Promise<Refusal | undefined> {
  if (process.platform !== 'linux') return undefined
  const owner = owners.get(socket) ?? ownerOf(socket).catch(() => undefined)
  owners.set(socket, owner)
  return (await owner) === process.getuid?.() ? undefined : { status: 403, why: 'user' }
}

function sendAsset({ assets }: Parts, { method, url = '', headers }: IncomingMessage, response: ServerResponse): void {
  const asset = method === 'GET' ? assets(url, headers) : undefined
  if (asset === undefined) refuse(response, { status: 404, why: 'path' })
  else sendOctets(response, 200, asset.type, asset.body)
}

async function exchange(parts: Parts, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const octets = await readForm(message)
  try {
    const cookie = octets && parts.sessions.exchange(new Form(octets, ['token']).secret('token'), parts.port)
    if (cookie === undefined) return refuse(response, { status: 403, why: 'token' })
    send(response, 200, {}, { 'Set-Cookie': cookie })
  } finally {
    wipe(octets)
  }
}

function stream({ live }: Parts, response: ServerResponse): void {
  response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream; charset=utf-8' })
  response.flushHeaders()
  const remove = live.add({ write: (event) => response.write(event), end: () => response.end() })
  response.once('close', remove)
}

async function act(parts: Parts, name: ActName, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const octets = await readForm(message)
  if (octets === undefined) return refuse(response, { status: 413, why: 'length' })
  try {
    const { fields, run } = ACTS[name]
    const form = new Form(octets, fields)
    await parts.live.act(() => run(form, parts.place))
    send(response, 200, {})
  } catch (error) {
    send(response, 409, { error: shownError(error) })
  } finally {
    wipe(octets)
  }
}

const refuse = (response: ServerResponse, { status, why }: Refusal): void =>
  // The rest of a refused body is not waited for.
  send(response, status, { refused: why }, { Connection: 'close' })

type Headers = Readonly<Record<string, string>>

const send = (response: ServerResponse, status: number, value: object, headers: Headers = {}): void =>
  sendOctets(response, status, 'application/json', Buffer.from(JSON.stringify(value)), headers)

function sendOctets(response: ServerResponse, status: number, type: string, body: Buffer, headers: Headers = {}): void {
  const length = String(body.length)
  response.writeHead(status, { ...HEADERS, 'Content-Type': type, 'Content-Length': length, ...headers })
  response.end(body)
}
