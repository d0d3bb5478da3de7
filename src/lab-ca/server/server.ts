/**
 * The server of a CA: EST and web enrolment over HTTPS, and the list of revoked certificates over HTTP, since a program
 * that checks a certificate with the list may be unable to verify a server. There is no OCSP.
 */
import { createServer as createHttp, type Server, type ServerOptions } from 'node:http'
import { createServer as createHttps, type ServerOptions as TlsServerOptions } from 'node:https'
import { type AddressInfo, isIPv6 } from 'node:net'
import { UsageError } from '../../errors.ts'
import type { Files } from '../../files/files.ts'
import { Authority, type ServerIdentity } from '../authority.ts'
import { Directory } from '../directory.ts'
import { Intake } from '../intake.ts'
import { RegistrationAuthority } from '../registration-authority.ts'
import type { Curve } from '../root.ts'
import { PasswordCheck } from '../users.ts'
import { certsrv } from './certsrv.ts'
import { est } from './est.ts'
import { handler, type Route } from './handler.ts'
import { Login } from './login.ts'

export interface LabCaOptions {
  /** Made at the first start. */
  readonly directory: string
  /** 127.0.0.1 by default. */
  readonly host?: string
  /** 8443 by default; 0 for any free port. */
  readonly port?: number
  /** 8444 by default. */
  readonly crlPort?: number
  /** More names and addresses for the server's certificate. */
  readonly names?: readonly string[]
  /** Curve of the CA's key, at the first start: P-256 by default. */
  readonly curve?: Curve
  /** Requests wait until they are approved. */
  readonly pending?: boolean
  /** How many days certificates are valid: 365 by default. */
  readonly days?: number
  /** Called with one line for every call. */
  readonly log?: (line: string) => void
  readonly limits?: Partial<typeof LIMITS>
  readonly files?: Files
}

export interface LabCa {
  readonly url: string
  readonly crl: string
  /** The certificate of the CA (PEM), for clients to trust. */
  readonly certificateFile: string
  readonly directory: Directory
  readonly registration: RegistrationAuthority
  close(): Promise<void>
}

/** Limits for a client: octets of headers, milliseconds, connections. A client that exceeds them is cut off. */
export const LIMITS = { headers: 8192, headersTimeout: 10_000, requestTimeout: 20_000, connections: 64 }

const serverOptions = ({ headers, headersTimeout, requestTimeout }: typeof LIMITS): ServerOptions => ({
  maxHeaderSize: headers,
  headersTimeout,
  requestTimeout,
  connectionsCheckingInterval: Math.min(1000, headersTimeout),
  keepAliveTimeout: 5000,
})

/** @throws UsageError ERR_USAGE for an address that cannot be used; FileError */
export async function startLabCa(options: LabCaOptions): Promise<LabCa> {
  const { host = '127.0.0.1', port = 8443, crlPort = 8444, names = [], days = 365, log = () => undefined } = options
  const limits = { ...LIMITS, ...options.limits }
  const directory = new Directory(options.directory, options.files)
  await directory.make()
  const authority = await Authority.open(directory, options.curve)
  const identity = await authority.serverIdentity(hostsOf(host, names))
  const servers: Server[] = []
  const close = async () => void (await Promise.all(servers.map(stop)))
  const listen = (server: Server, at: number): Promise<string> => {
    servers.push(server)
    server.maxConnections = limits.connections
    return listening(server, host, at)
  }
  try {
    // Certificates contain the address of the list, so it has to be known first.
    const lists = createHttp(serverOptions(limits))
    const crl = `http://${await listen(lists, crlPort)}/ca.crl`
    const registration = new RegistrationAuthority(directory, authority, { days, crl })
    lists.on('request', handler(log, [revocations(registration)]))
    const intake = await Intake.open(registration, { atOnce: options.pending !== true })
    const parts = { intake, login: new Login(registration, new PasswordCheck(directory)) }
    const routes: readonly Route[] = [(call) => est(parts, call), (call) => certsrv(parts, call)]
    const server = createHttps(tlsOptions(identity, authority, limits), handler(log, routes))
    const url = `https://${await listen(server, port)}`
    await registration.writeCrl()
    await directory.putSettings({ url, crl, days })
    return { url, crl, certificateFile: directory.certificateFile, directory, registration, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A client's certificate is accepted if there is one; the routes that use it check it. */
const tlsOptions = (
  { certificate, key }: ServerIdentity,
  authority: Authority,
  limits: typeof LIMITS,
): TlsServerOptions => ({
  ...serverOptions(limits),
  cert: certificate,
  key,
  ca: authority.pem,
  requestCert: true,
  rejectUnauthorized: false,
  minVersion: 'TLSv1.2',
  handshakeTimeout: limits.headersTimeout,
})

/** Wildcard addresses to listen on: no client can use them. */
const ANY = ['0.0.0.0', '::', '']

const hostsOf = (host: string, names: readonly string[]): string[] =>
  [...new Set([host, 'localhost', '127.0.0.1', '::1', ...names])].filter((name) => !ANY.includes(name))

const revocations =
  (registration: RegistrationAuthority): Route =>
  async ({ method, path }) =>
    method === 'GET' && path === '/ca.crl'
      ? {
          status: 200,
          type: 'application/pkix-crl',
          body: await registration.crl(),
          what: 'list of revoked certificates',
        }
      : undefined

/** The address for clients on this computer: `127.0.0.1:8443`. */
async function listening(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(unavailable(host, port, cause)))
    server.listen({ host, port }, resolve)
  })
  // A later error, as of a connection that could not be accepted, does not end the server.
  server.on('error', () => undefined)
  const { port: taken } = server.address() as AddressInfo
  const name = ANY.includes(host) ? '127.0.0.1' : host
  return `${isIPv6(name) ? `[${name}]` : name}:${taken}`
}

function unavailable(host: string, port: number, cause: NodeJS.ErrnoException): UsageError {
  const why = cause.code === 'EADDRINUSE' ? 'something else is there' : (cause.code ?? cause.message)
  const advice = 'Choose others with --listen and --crl-port'
  return new UsageError('ERR_USAGE', `The CA cannot listen at ${host}, port ${port}: ${why}. ${advice}.`, { cause })
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
