// A CA, servers that ask for its certificates, and cards that have them.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { requestCertificate } from '../../../src/enroll/index.ts'
import type { Card } from '../../../src/index.ts'
import { at, certificate, derOf } from '../../enroll/support/openssl.ts'

export const CLIENT = ['keyUsage=digitalSignature', 'extendedKeyUsage=clientAuth']
let count = 0

export interface Authority {
  readonly name: string
  readonly ca: Buffer
  readonly der: Uint8Array
}

export function authority(name: string): Authority {
  certificate(name, {
    subject: `/CN=${name}`,
    extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign'],
  })
  return { name, ca: readFileSync(at(`${name}.pem`)), der: derOf(`${name}.pem`) }
}

/** A certificate of that CA for the key in a slot, put onto the card. */
export async function certify(
  card: Card,
  slot: string,
  by: Authority,
  wanted: {
    readonly extensions?: readonly string[]
    readonly from?: string
    readonly to?: string
    readonly pin?: string
  } = {},
): Promise<void> {
  count += 1
  const { pin, ...certificateWanted } = wanted
  const request = await requestCertificate(card, slot, { subject: 'CN=Maria', ...(pin && { pin }) })
  const der = certificate(`client${count}`, {
    by: by.name,
    request,
    subject: '/CN=Maria',
    extensions: CLIENT,
    ...certificateWanted,
  })
  await card.putCertificate(slot, { certificate: der, chain: [by.der] })
}

export interface TestServer {
  readonly port: number
  readonly url: string
  /** Handshakes that were finished. */
  readonly handshakes: number
  /** Called at every TCP connection, before its handshake. */
  connected: (() => void) | undefined
  /** TCP connections so far. */
  connections(): number
  /** Closes the connections that are idle. */
  hangUp(): void
  /** From now on it keeps no process. */
  unref(): void
  stop(): Promise<void>
}

/** Says who its client is: `Maria TLSv1.3`; what was sent comes back at /echo. */
export async function startServer(by: Authority, options: ServerOptions = {}): Promise<TestServer> {
  certificate(`server-${by.name}`, {
    by: by.name,
    subject: '/CN=localhost',
    extensions: ['subjectAltName=DNS:localhost,IP:127.0.0.1'],
  })
  let handshakes = 0
  let connections = 0
  let held = true
  const server = createServer(
    {
      key: readFileSync(at(`server-${by.name}.key`)),
      cert: readFileSync(at(`server-${by.name}.pem`)),
      ca: by.ca,
      requestCert: true,
      rejectUnauthorized: true,
      ...options,
    },
    (request, response) => {
      if (request.url === '/echo') return void request.pipe(response)
      const socket = request.socket as TLSSocket
      request
        .resume()
        .on('end', () => response.end(`${socket.getPeerCertificate().subject?.CN} ${socket.getProtocol()}`))
    },
  )
  server.on('secureConnection', () => {
    handshakes += 1
  })
  server.on('connection', (socket: Socket) => {
    connections += 1
    running.connected?.()
    if (!held) socket.unref()
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const running: TestServer = {
    port,
    url: `https://127.0.0.1:${port}/`,
    get handshakes() {
      return handshakes
    },
    connections: () => connections,
    unref() {
      server.unref()
      held = false
    },
    hangUp: () => server.closeIdleConnections(),
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
    connected: undefined,
  }
  return running
}
