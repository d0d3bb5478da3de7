// node --import tsx bench/cases/tls-server.ts SETUP: a TLS server that asks for certificates. `port` answers its port.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { createServer } from 'node:tls'

export interface TlsServerSetup {
  /** Files in PEM. */
  readonly key: string
  readonly cert: string
  readonly ca: string
}

const setup = JSON.parse(process.argv[2] ?? '') as TlsServerSetup
const [key, cert, ca] = [setup.key, setup.cert, setup.ca].map((path) => readFileSync(path))
const server = createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true }, (socket) => {
  socket.on('error', () => {}).end()
})
server.on('tlsClientError', () => {})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log('ready')
for await (const _ of createInterface({ input: process.stdin })) console.log((server.address() as AddressInfo).port)
process.exit(0)
