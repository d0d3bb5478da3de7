// What no laboratory CA issues: certificates that are wrong in one way, and lists of revoked ones, by openssl.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type KeyKind, makeKey, openssl } from '../lab-ca/support.ts'
import { tempDir } from '../support/temp.ts'
import type { Person } from './support.ts'

const folder = tempDir('issue')
let files = 0

export function write(content: string | Uint8Array, path = `${folder}/${files++}`): string {
  writeFileSync(path, content)
  return path
}

/** Files of a CA. */
export interface Authority {
  readonly certificate: string
  readonly key: string
}

/** A CA of a subject as openssl writes it on a line: `CN=A, O=B`. `key`: file of its key, a new one otherwise. */
export function newAuthority(subject: string, key = makeKey()): Authority {
  const certificate = `${folder}/${files++}`
  const name = subject.split(/, (?=\w+ ?=)/).map((part) => part.replaceAll('/', '\\/').replace(/ ?= ?/, '='))
  openssl('req', '-x509', '-new', '-key', key, '-subj', `/${name.join('/')}`, '-days', '30', '-out', certificate)
  return { certificate, key }
}

/** The extensions of a good certificate by their names in openssl. */
export const GOOD = {
  basicConstraints: 'critical,CA:FALSE',
  keyUsage: 'critical,digitalSignature',
  extendedKeyUsage: 'clientAuth',
  subjectAltName: 'otherName:1.3.6.1.4.1.311.20.2.3;UTF8:maria@lab.example',
} as const

export interface Wishes {
  readonly kind?: KeyKind
  /** Other extensions, or undefined for none of that name. `@NAME` is a section of `sections`. */
  readonly extensions?: Readonly<Record<string, string | undefined>>
  readonly sections?: string
  readonly digest?: string
  /** Days from now. */
  readonly from?: number
  readonly until?: number
}

const DAY = 24 * 60 * 60 * 1000
/** YYYYMMDDHHMMSSZ. */
export const time = (ms: number): string => `${new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)}Z`

/** A certificate of a CA, good but for the wishes. `crl`: where its list is. */
export function issue({ certificate, key: caKey }: Authority, crl: string, wishes: Wishes = {}): Person {
  const { kind = 'P-256', extensions = {}, sections = '', digest = 'sha256', from = -1, until = 30 } = wishes
  const place = `${folder}/${files++}`
  mkdirSync(place)
  write('', `${place}/index`)
  const rows = Object.entries({ ...GOOD, crlDistributionPoints: `URI:${crl}`, ...extensions })
  const wanted = rows.filter(([, value]) => value !== undefined).map(([name, value]) => `${name} = ${value}`)
  const own = `database = ${place}/index\nnew_certs_dir = ${place}\nrand_serial = yes\npolicy = any\nunique_subject = no`
  const config = write(
    `[ca]\ndefault_ca = own\n[own]\n${own}\n[any]\ncommonName = optional\n[wanted]\n${wanted.join('\n')}\n${sections}\n`,
  )
  const key = makeKey(kind)
  const [request, out] = [`${place}/request`, `${place}/out`]
  openssl('req', '-new', '-key', key, '-subj', '/CN=maria', '-out', request)
  const dates = ['-startdate', time(Date.now() + from * DAY), '-enddate', time(Date.now() + until * DAY)]
  const signing = ['-cert', certificate, '-keyfile', caKey, '-md', digest]
  const how = ['-config', config, '-extensions', 'wanted', '-batch', '-notext']
  openssl('ca', ...how, ...signing, ...dates, '-in', request, '-out', out)
  return { cert: readFileSync(out, 'utf8'), key: readFileSync(key, 'utf8') }
}

export interface ListWishes {
  /** Serial numbers in hex digits. */
  readonly revoked?: readonly string[]
  /** Milliseconds. */
  readonly thisUpdate?: number
  readonly nextUpdate?: number
  /** Extensions of the list. */
  readonly extensions?: readonly string[]
}

/** A list of revoked certificates (CRL, DER). */
export function list({ certificate, key }: Authority, wishes: ListWishes = {}): Uint8Array {
  const { revoked = [], thisUpdate = Date.now() - 60_000, nextUpdate = Date.now() + DAY, extensions = [] } = wishes
  const place = `${folder}/${files++}`
  mkdirSync(place)
  const short = (ms: number) => time(ms).slice(2)
  const rows = revoked.map(
    (serial) => `R\t${short(Date.now() + DAY)}\t${short(Date.now() - DAY)}\t${serial}\tunknown\t/CN=x\n`,
  )
  write(rows.join(''), `${place}/index`)
  const own = `database = ${place}/index\ndefault_md = sha256`
  const config = write(`[ca]\ndefault_ca = own\n[own]\n${own}\n[wanted]\n${extensions.join('\n')}\n`)
  const dates = ['-crl_lastupdate', time(thisUpdate), '-crl_nextupdate', time(nextUpdate)]
  const more = extensions.length === 0 ? [] : ['-crlexts', 'wanted']
  const out = `${place}/out`
  openssl('ca', '-config', config, '-gencrl', '-cert', certificate, '-keyfile', key, ...dates, ...more, '-out', out)
  openssl('crl', '-in', out, '-outform', 'DER', '-out', `${out}.der`)
  return Uint8Array.from(readFileSync(`${out}.der`))
}
