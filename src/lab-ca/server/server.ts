/**
 * The server of a CA: EST and web enrolment over HTTPS, and over HTTP beside it the list of revoked certificates, since
 * whoever checks a certificate by it may have nothing to check a server by. There is no OCSP.
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
  /** 127.0.0.1 unless given. */
  readonly host?: string
  /** 8443 unless given; 0 is any that is free. */
  readonly port?: number
  /** 8444 unless given. */
  readonly crlPort?: number
  /** More names and addresses that the server's certificate is good for. */
  readonly names?: readonly string[]
  /** Of the CA's key, at the first start: P-256 unless given. */
  readonly curve?: Curve
  /** Requests wait until they are approved. */
  readonly pending?: boolean
  /** How long certificates are valid: 365 unless given. */
  readonly days?: number
  /** Told a line of every call. */
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

/** What a client may take: octets of headers, milliseconds, connections. One that does not keep to it is cut off. */
export const LIMITS = { headers: 8192, headersTimeout: 10_000, requestTimeout: 20_000, connections: 64 }

const serverOptions = ({ headers, headersTimeout, requestTimeout }: typeof LIMITS): ServerOptions => ({
  maxHeaderSize: headers,
  headersTimeout,
  requestTimeout,
  connectionsCheckingInterval: Math.min(1000, headersTimeout),
  keepAliveTimeout: 5000,
})

/** @throws UsageError ERR_USAGE for an address that cannot be had; FileError */
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
    // Certificates say where the list is, so that has to be known first.
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

/** A certificate of the client is taken where there is one, and is looked at by who needs it. */
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

/** Addresses that mean every one, and are none's. */
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

/** Where clients on this machine find it: `127.0.0.1:8443`. */
async function listening(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(unavailable(host, port, cause)))
    server.listen({ host, port }, resolve)
  })
  // One that comes later, as of a connection that could not be taken, is no end of the server.
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
