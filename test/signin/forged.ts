// Certificates as a person may have them who cannot sign in by them, and services that are not what they should be.
import 'reflect-metadata'
import { execFileSync } from 'node:child_process'
import { createHash, type KeyObject, randomBytes, webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { writeAlternativeNames } from '../../src/x509/alternative-names.ts'
import { EXTENSIONS } from '../../src/x509/extensions.ts'
import { PURPOSES, type Purpose } from '../../src/x509/purposes.ts'
import { tempDir } from '../support/temp.ts'

const DAY = 24 * 60 * 60 * 1000
const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const

export interface Says {
  readonly upn?: string
  readonly email?: string
  readonly purposes?: readonly Purpose[]
  /** Days from now. */
  readonly from?: number
  readonly until?: number
}

const authority = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])

/** A certificate of somebody's CA for this key, DER. */
export async function certificateSaying(publicKey: KeyObject, says: Says): Promise<Uint8Array> {
  const { upn, email, purposes = ['client-authentication'], from = -1, until = 365 } = says
  const names = writeAlternativeNames({ ...(upn && { upn: [upn] }), ...(email && { email: [email] }) })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const made = await x509.X509CertificateGenerator.create(
    {
      serialNumber: `0${randomBytes(8).toString('hex').slice(1)}`,
      subject: 'CN=somebody',
      issuer: 'CN=a CA of tests',
      notBefore: new Date(Date.now() + from * DAY),
      notAfter: new Date(Date.now() + until * DAY),
      signingKey: authority.privateKey,
      publicKey: await webcrypto.subtle.importKey('spki', spki, KEY, true, ['verify']),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [
        new x509.ExtendedKeyUsageExtension(purposes.map((one) => PURPOSES[one])),
        ...(names === undefined ? [] : [new x509.Extension(EXTENSIONS.alternativeNames, false, names)]),
      ],
    },
    webcrypto,
  )
  return new Uint8Array(made.rawData)
}

/** A key and a certificate for 127.0.0.1 and localhost, PEM. */
export function serverIdentity(): { readonly key: string; readonly cert: string } {
  const folder = tempDir('server')
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert]
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  // Names of their own: two that are called the same would be taken for each other's issuer.
  const subject = ['-subj', `/CN=${randomBytes(4).toString('hex')}`, '-days', '30']
  execFileSync('openssl', ['req', '-x509', ...fresh, ...subject, ...names], { stdio: 'pipe' })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}

export interface Forged {
  readonly url: string
  /** The certificate that it shows, PEM. */
  readonly ca: string
  /** `POST /session`, and so on, in the order of asking. */
  readonly calls: string[]
  /** Bodies of these. */
  readonly bodies: string[]
  close(): Promise<void>
}

export type Answers = (call: string, message: IncomingMessage, response: ServerResponse, url: string) => unknown

/** A service that answers as a test likes: JSON of what is returned, and nothing where that is undefined. */
export async function forgedService(answers: Answers, identity = serverIdentity(), port = 0): Promise<Forged> {
  const [calls, bodies]: [string[], string[]] = [[], []]
  const server = createHttps({ ...identity, requestCert: true, rejectUnauthorized: false }, (message, response) => {
    const call = `${message.method} ${message.url}`
    calls.push(call)
    let body = ''
    message.setEncoding('utf8').on('data', (text: string) => {
      body += text
    })
    message.once('end', () => {
      bodies.push(body)
      const value = answers(call, message, response, url)
      if (value === undefined) return
      const text = JSON.stringify(value)
      const status = typeof value === 'object' && value !== null && 'error' in value ? 401 : 200
      response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
      response.end(text)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    ...{ url, ca: identity.cert, calls, bodies },
    async close() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Takes connections and says nothing. */
export async function silentServer(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const open = new Set<Socket>()
  const server = createServer((socket) => open.add(socket.on('error', () => undefined)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** As RFC 5929 has it, of a certificate in PEM. */
export const channelOf = (pem: string): string =>
  createHash('sha256')
    .update(Buffer.from(new x509.X509Certificate(pem).rawData))
    .digest('base64url')
