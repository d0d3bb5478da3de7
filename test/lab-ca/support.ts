// A laboratory CA in this process with users, and requests for it made by openssl.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { type RequestOptions, request } from 'node:https'
import { join } from 'node:path'
import { utf8 } from '../../src/bytes.ts'
import { type LabCa, type LabCaOptions, startLabCa } from '../../src/lab-ca/server/server.ts'
import { putUser } from '../../src/lab-ca/users.ts'
import { tempDir, within } from '../support/temp.ts'

export const PASSWORDS = { alice: 'correct horse', bob: 'battery staple' } as const
export type UserName = keyof typeof PASSWORDS
export const SID = 'S-1-5-21-1004336348-1177238915-682003330-1104'

export interface Lab extends LabCa {
  /** What it said, a line each. */
  readonly lines: string[]
  readonly pem: string
}

/** With the users alice and bob, unless the directory has users already. */
export async function startLab(options: Partial<LabCaOptions> = {}): Promise<Lab> {
  const lines: string[] = []
  const directory = options.directory ?? tempDir('lab')
  const ca = await startLabCa({ port: 0, crlPort: 0, log: (line) => lines.push(line), ...options, directory })
  if ((await ca.directory.userNames()).length === 0) {
    await putUser(ca.directory, { name: 'alice', password: utf8(PASSWORDS.alice), sid: SID })
    await putUser(ca.directory, { name: 'bob', password: utf8(PASSWORDS.bob), email: 'bob@mail.example' })
  }
  return { ...ca, lines, pem: readFileSync(ca.certificateFile, 'utf8') }
}

export const openssl = (...argv: string[]): string => execFileSync('openssl', argv, { encoding: 'utf8', stdio: 'pipe' })

/** How openssl makes keys of each kind. */
const KEYS = {
  'P-256': ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'P-521': ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  'RSA-1024': ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  'RSA-2048': ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  'RSA-4097': ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4104'],
  'RSA with 3': ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-pkeyopt', 'rsa_keygen_pubexp:3'],
  Ed25519: ['genpkey', '-algorithm', 'ED25519'],
} as const
export type KeyKind = keyof typeof KEYS

const scratch = tempDir('requests')
let count = 0
export const scratchFile = (name: string): string => join(scratch, name)

export function makeKey(kind: KeyKind = 'P-256'): string {
  const path = scratchFile(`${count++}.key`)
  openssl(...KEYS[kind], '-out', path)
  return path
}

export interface Asked {
  readonly key?: string
  readonly subject?: string
  /** Lines of an extension section of openssl: `subjectAltName = ...`, and sections that they need. */
  readonly extensions?: readonly string[]
  /** `-sha256` and what else. */
  readonly how?: readonly string[]
}

/** PKCS#10 in DER, by openssl. */
export function makeRequest({ key = makeKey(), subject = '/CN=alice', extensions = [], how = [] }: Asked = {}) {
  const [config, out] = [scratchFile(`${count}.cnf`), scratchFile(`${count++}.der`)]
  const head = `[req]\nprompt = no\ndistinguished_name = dn\n${extensions.length === 0 ? '' : 'req_extensions = wanted\n'}`
  writeFileSync(config, `${head}[dn]\n[wanted]\n${extensions.join('\n')}\n`)
  openssl('req', '-new', '-config', config, '-subj', subject, '-key', key, '-outform', 'DER', '-out', out, ...how)
  return Uint8Array.from(readFileSync(out))
}

/** Writes a certificate (DER) into a file of PEM for openssl. */
export function pemFile(certificate: Uint8Array): string {
  const path = scratchFile(`${count++}.pem`)
  const lines = base64(certificate).replace(/.{64}(?=.)/g, '$&\n')
  writeFileSync(path, `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`)
  return path
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  readonly octets: Uint8Array
}

export interface Ask {
  readonly user?: UserName | readonly [name: string, password: string]
  readonly type?: string
  readonly body?: string | Uint8Array
  readonly options?: RequestOptions
}

/** One call to a lab, as programs make it. */
export function ask(lab: Lab, path: string, { user, type, body, options = {} }: Ask = {}): Promise<Reply> {
  const login = typeof user === 'string' ? [user, PASSWORDS[user]] : user
  const headers = type === undefined ? {} : { 'Content-Type': type }
  const auth = login === undefined ? {} : { auth: login.join(':') }
  const method = body === undefined ? 'GET' : 'POST'
  const reply = new Promise<Reply>((resolve, reject) => {
    const sent = request(`${lab.url}${path}`, { ca: lab.pem, method, headers, ...auth, ...options }, (message) => {
      const chunks: Buffer[] = []
      message.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
      message.on('end', () => {
        const octets = Buffer.concat(chunks)
        resolve({ status: message.statusCode ?? 0, headers: message.headers, body: octets.toString(), octets })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
  return within(reply, 120_000, path)
}

export const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64')

/** Hands a request in by EST. */
export const enrol = (lab: Lab, octets: Uint8Array, user: Ask['user'] = 'alice', operation = 'simpleenroll') =>
  ask(lab, `/.well-known/est/${operation}`, { user, type: 'application/pkcs10', body: base64(octets) })
