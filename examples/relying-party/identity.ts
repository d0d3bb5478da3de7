// The service's own key and certificate: made at the first start, for clients to trust by DIR/server.pem.
import 'reflect-metadata'
import { createHash, createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'

const DAY = 24 * 60 * 60 * 1000
const DAYS = 365
const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1'

export interface Identity {
  readonly key: string
  /** PEM. */
  readonly certificate: string
  readonly certificateFile: string
  /** `tls-server-end-point` of RFC 5929, 4.1: base64url of the SHA-256 of the certificate. */
  readonly channel: string
  /** Made by this call. */
  readonly fresh: boolean
}

/** What is in `directory`, where it is good for these hosts and now; otherwise a new one. */
export async function identityOf(directory: string, hosts: readonly string[]): Promise<Identity> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const [keyFile, certificateFile] = [join(directory, 'server.key'), join(directory, 'server.pem')]
  const there = await Promise.all([keyFile, certificateFile].map((path) => readFile(path, 'utf8').catch(() => '')))
  const fresh = !isGood(there, hosts)
  const [key = '', certificate = ''] = fresh ? await make(hosts) : there
  if (fresh) {
    await put(keyFile, key)
    await put(certificateFile, certificate)
    await chmod(certificateFile, 0o644)
  }
  const channel = createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url')
  return { key, certificate, certificateFile, channel, fresh }
}

/** Whole or not at all, and its owner's alone. */
async function put(path: string, content: string): Promise<void> {
  await writeFile(`${path}-new`, content, { mode: 0o600 })
  await rename(`${path}-new`, path)
}

function isGood([key = '', pem = '']: readonly string[], hosts: readonly string[]): boolean {
  if (key === '' || pem === '') return false
  const certificate = new X509Certificate(pem)
  const isFor = (host: string) =>
    (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined
  const inTime = Date.parse(certificate.validTo) > Date.now()
  return inTime && hosts.every(isFor) && certificate.checkPrivateKey(createPrivateKey(key))
}

async function make(hosts: readonly string[]): Promise<[key: string, certificate: string]> {
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])
  const now = Math.floor(Date.now() / 1000) * 1000
  const names = hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }))
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: `0${randomBytes(15).toString('hex').slice(1)}`,
      name: [{ CN: [hosts[0] ?? 'localhost'] }, { O: [`Sample service ${randomBytes(4).toString('hex')}`] }],
      notBefore: new Date(now - DAY),
      notAfter: new Date(now + DAYS * DAY),
      keys,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([SERVER_AUTHENTICATION]),
        new x509.SubjectAlternativeNameExtension(names),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  pkcs8.fill(0)
  return [key.export({ type: 'pkcs8', format: 'pem' }).toString(), `${certificate.toString('pem')}\n`]
}
