// The service put together, and its server.
import { constants } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, isIPv6 } from 'node:net'
import { Challenges } from './challenges.ts'
import { Connections } from './connections.ts'
import { handler } from './http.ts'
import { identityOf } from './identity.ts'
import { Revocations } from './revocations.ts'
import { routesOf } from './routes.ts'
import { Sessions } from './sessions.ts'
import { readCas } from './trust.ts'
import { readUsers } from './users.ts'

export interface ServiceOptions {
  readonly host: string
  /** 0 is any that is free. */
  readonly port: number
  /** Of its own key and certificate, which are made there at the first start. */
  readonly directory: string
  /** File of the CAs whose certificates are taken, PEM. */
  readonly ca: string
  /** File of the users. */
  readonly users: string
  /** File or URL of the list of revoked certificates; without it, where the certificates say. */
  readonly crl?: string | undefined
  /** More names by which the service is reached. */
  readonly names?: readonly string[]
  readonly log?: (line: string) => void
  readonly times?: Partial<typeof TIMES>
  readonly now?: () => number
}

export interface Service {
  readonly url: string
  /** PEM, for clients to trust. */
  readonly certificateFile: string
  readonly fresh: boolean
  close(): Promise<void>
}

/** In milliseconds. */
const TIMES = {
  challenge: 60_000,
  session: 8 * 60 * 60_000,
  /** How long a list of revoked certificates is used, and how long where none can be had. */
  refresh: 60_000,
  grace: 10 * 60_000,
  handshake: 10_000,
  request: 20_000,
}
const MOST_CONNECTIONS = 256
const LONGEST_HEADERS = 8192
const ANY = ['0.0.0.0', '::']
const LOOPBACK = ['127.0.0.1', 'localhost', '::1']

/** @throws Error in words for a file that is not what it should be, and an address that cannot be had */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { host, port, now = Date.now, log = () => undefined } = options
  const times = { ...TIMES, ...options.times }
  const cas = readCas(options.ca)
  const users = await readUsers(options.users)
  const hosts = [...new Set([host, ...LOOPBACK, ...(options.names ?? [])])].filter((name) => !ANY.includes(name))
  const { key, certificate, certificateFile, channel, fresh } = await identityOf(options.directory, hosts)
  const server = createServer({
    key,
    cert: certificate,
    // Clients are told which CAs count, and may show what they like: what is wrong with it is said in words.
    ca: cas.map(({ certificate: ca }) => ca.toString()),
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    // Each connection proves the key anew, and once: a ticket would sign in without the card.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    handshakeTimeout: times.handshake,
    headersTimeout: times.handshake,
    requestTimeout: times.request,
    maxHeaderSize: LONGEST_HEADERS,
  })
  server.maxConnections = MOST_CONNECTIONS
  // Of handshakes that fail there is nothing to be said here.
  server.on('tlsClientError', () => undefined)
  const connections = new Connections(server, times.session, now)
  await listen(server, host, port)
  const { port: taken } = server.address() as AddressInfo
  const audiences = hosts.map((name) => `https://${isIPv6(name) ? `[${name}]` : name}:${taken}`)
  const revocations = new Revocations({
    place: options.crl,
    refreshMs: times.refresh,
    graceMs: times.grace,
    now,
  })
  const parts = {
    trust: { cas, users, revocations, now },
    connections,
    challenges: new Challenges(times.challenge, now),
    sessions: new Sessions(now),
    sessionMs: times.session,
    audiences,
    channel,
  }
  server.on('request', handler(log, routesOf(parts)))
  return { url: audiences[0] ?? '', certificateFile, fresh, close: () => stop(server) }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'something else is there' : cause.message
      reject(new Error(`The service cannot listen at ${host}, port ${port}: ${why}.`, { cause }))
    })
    server.listen({ host, port }, resolve)
  })
  server.on('error', () => undefined)
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
