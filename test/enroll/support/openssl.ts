// Certificates by the openssl program, which knows nothing of ours.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '../../support/temp.ts'

export const folder = tempDir('openssl')
export const at = (name: string): string => join(folder, name)
export const file = (name: string): Uint8Array => Uint8Array.from(readFileSync(at(name)))

export function openssl(...argv: string[]): string {
  return execFileSync('openssl', argv, { encoding: 'utf8', stdio: 'pipe', cwd: folder })
}

export function write(name: string, content: Uint8Array | string): string {
  writeFileSync(at(name), content)
  return at(name)
}

export const derOf = (name: string): Uint8Array =>
  Uint8Array.from(execFileSync('openssl', ['x509', '-in', name, '-outform', 'der'], { cwd: folder }))

export const KEY_KINDS = {
  'P-256': ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'RSA-2048': ['rsa:2048'],
} as const

export interface Wanted {
  readonly subject?: string
  /** Lines of an extensions section. */
  readonly extensions?: readonly string[]
  readonly days?: number
  readonly kind?: keyof typeof KEY_KINDS
  readonly hash?: string
  /** Name of the one that signs; itself where there is none. */
  readonly by?: string
  /** PKCS#10 in DER, of a key that is elsewhere. */
  readonly request?: Uint8Array
  /** As openssl writes times: `20200101000000Z`. */
  readonly from?: string
  readonly to?: string
}

/** Makes NAME.pem, and NAME.key unless there is a request. Answers the certificate in DER. */
export function certificate(name: string, wanted: Wanted = {}): Uint8Array {
  const { subject = `/CN=${name}`, extensions = [], kind = 'P-256', by, request } = wanted
  const [key, csr] = [`${name}.key`, `${name}.csr`]
  if (request === undefined) {
    openssl('req', '-newkey', ...KEY_KINDS[kind], '-nodes', '-keyout', key, '-out', csr, '-subj', subject)
  } else {
    write(`${name}.req`, request)
    openssl('req', '-inform', 'der', '-in', `${name}.req`, '-out', csr)
  }
  write(`${name}.ext`, `[e]\n${extensions.join('\n')}\n`)
  const extended = extensions.length === 0 ? [] : ['-extfile', `${name}.ext`, '-extensions', 'e']
  const common = ['-in', csr, '-out', `${name}.pem`, '-subj', subject, ...extended]
  if (wanted.from !== undefined || wanted.to !== undefined) dated(name, wanted, common)
  else {
    const signer =
      by === undefined || by === name ? ['-key', key] : ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial']
    openssl('x509', '-req', `-${wanted.hash ?? 'sha256'}`, '-days', String(wanted.days ?? 30), ...signer, ...common)
  }
  return derOf(`${name}.pem`)
}

/** Times of one's own are for `openssl ca` alone in version 3.0, which wants a database. */
function dated(name: string, { from, to, by, hash }: Wanted, common: readonly string[]): void {
  const rows = ['database=index.txt', 'new_certs_dir=.', 'serial=serial', 'policy=p', 'unique_subject=no']
  write('ca.cnf', ['[ca]', 'default_ca=d', '[d]', ...rows, '[p]', 'commonName=supplied', ''].join('\n'))
  write('index.txt', '')
  write('serial', randomBytes(8).toString('hex'))
  const signer =
    by === undefined ? ['-selfsign', '-keyfile', `${name}.key`] : ['-cert', `${by}.pem`, '-keyfile', `${by}.key`]
  const times = ['-startdate', from ?? '20200101000000Z', '-enddate', to ?? '20491231235959Z']
  openssl('ca', '-batch', '-config', 'ca.cnf', '-notext', '-md', hash ?? 'sha256', ...signer, ...times, ...common)
}
