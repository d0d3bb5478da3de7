/**
 * Stores requests, approves or denies them, and revokes certificates. All state is in the directory, so the server and a
 * program that approves requests do not talk to each other.
 */
import { X509Certificate } from 'node:crypto'
import { UsageError } from '../errors.ts'
import type { Files } from '../files/files.ts'
import { extensionIn, readCertificate } from '../x509/certificate.ts'
import { readPurposes } from '../x509/purposes.ts'
import { Authority, idOfSerial } from './authority.ts'
import { Directory } from './directory.ts'
import { Refusal } from './notice.ts'
import { contentOf } from './policy.ts'
import { type Decision, LONGEST_REASON, type User } from './records.ts'
import { readRequest } from './request.ts'
import type { TemplateName } from './templates.ts'

/** A request and its outcome. */
export interface Entry {
  readonly id: number
  readonly user: string
  /** The enrolment agent who handed it in on behalf of the user. */
  readonly by?: string
  readonly template: TemplateName
  readonly received: string
  readonly state: 'pending' | 'denied' | 'issued' | 'revoked'
  /** Why the request is denied. */
  readonly reason?: string
  /** DER, once issued. */
  readonly certificate?: Uint8Array
}

export interface RegistrationOptions {
  /** Validity of certificates in days. */
  readonly days: number
  /** URL of the CRL, for certificates. */
  readonly crl: string
}

/**
 * Opens a CA that was started once, to decide on requests from another process than its server.
 * @throws UsageError ERR_USAGE if there is none; FileError
 */
export async function openRegistrationAuthority(path: string, files?: Files): Promise<RegistrationAuthority> {
  const directory = new Directory(path, files)
  const settings = await directory.settings()
  if (settings === undefined) {
    throw new UsageError(
      'ERR_USAGE',
      `There is no laboratory CA in ${path}. Start it there once: tessera lab-ca start --directory ${path}.`,
    )
  }
  return new RegistrationAuthority(directory, await Authority.open(directory), settings)
}

/** Serial number in lower-case hex digits. */
export const serialOf = (certificate: Uint8Array): string => new X509Certificate(certificate).serialNumber.toLowerCase()

export class RegistrationAuthority {
  readonly directory: Directory
  readonly authority: Authority
  readonly #options: RegistrationOptions

  constructor(directory: Directory, authority: Authority, options: RegistrationOptions) {
    this.directory = directory
    this.authority = authority
    this.#options = options
  }

  /** @throws UsageError ERR_USAGE when there is no request with that number */
  async entry(id: number): Promise<Entry> {
    const request = await this.directory.request(id)
    if (request === undefined) {
      throw new UsageError('ERR_USAGE', `There is no request ${id}. See those there are: tessera lab-ca list.`)
    }
    const { user, by, template, received } = request
    const decision = await this.directory.decision(id)
    const facts = { id, user, ...(by !== undefined && { by }), template, received }
    if (decision === undefined) return { ...facts, state: 'pending' }
    if (decision.outcome === 'denied') return { ...facts, state: 'denied', reason: decision.reason }
    const revoked = await this.directory.revocation(id)
    return { ...facts, state: revoked === undefined ? 'issued' : 'revoked', certificate: decision.certificate }
  }

  async entries(): Promise<Entry[]> {
    const ids = await this.directory.ids('requests')
    const entries: Entry[] = []
    for (const id of ids) entries.push(await this.entry(id))
    return entries
  }

  /**
   * Issues what a request asks for, or denies it if it breaks the rules, including rules that are new since it came in.
   * If another process has decided meanwhile, its decision stands.
   * @throws UsageError ERR_USAGE
   */
  async approve(id: number): Promise<Entry> {
    const { user: name, template } = await this.entry(id)
    const user = await this.directory.user(name)
    if (user === undefined) return this.deny(id, `The user '${name}' is not there any more.`)
    try {
      const request = readRequest((await this.directory.request(id))?.request ?? new Uint8Array(0))
      const certificate = await this.authority.issue(contentOf(request, user, template), { id, ...this.#options })
      return await this.#decide({ id, at: new Date().toISOString(), outcome: 'issued', certificate })
    } catch (error) {
      if (error instanceof Refusal) return this.deny(id, error.message)
      throw error
    }
  }

  /** @throws UsageError ERR_USAGE */
  deny(id: number, reason: string): Promise<Entry> {
    return this.#decide({
      id,
      at: new Date().toISOString(),
      outcome: 'denied',
      reason: reason.slice(0, LONGEST_REASON),
    })
  }

  /** @throws UsageError ERR_USAGE unless the request was issued */
  async revoke(id: number): Promise<Entry> {
    const { state, certificate } = await this.entry(id)
    if (certificate === undefined) {
      throw new UsageError('ERR_USAGE', `Request ${id} is ${state}: there is no certificate to revoke.`)
    }
    await this.directory.revoke({ id, at: new Date().toISOString(), serial: serialOf(certificate) })
    await this.writeCrl()
    return this.entry(id)
  }

  /** The list of revoked certificates as it is now, DER. */
  async crl(): Promise<Uint8Array> {
    const revoked = []
    for (const id of await this.directory.ids('revocations')) {
      const revocation = await this.directory.revocation(id)
      if (revocation !== undefined) revoked.push({ serial: revocation.serial, at: new Date(revocation.at) })
    }
    return this.authority.crl(revoked)
  }

  async writeCrl(): Promise<void> {
    await this.directory.files.writeAtomic(this.directory.crlFile, await this.crl())
  }

  /** The user of a certificate that this CA issued and has not revoked. */
  async holder(certificate: Uint8Array): Promise<User | undefined> {
    const id = idOfSerial(serialOf(certificate))
    const known = id === 0 ? undefined : await this.directory.request(id)
    if (known === undefined) return undefined
    const entry = await this.entry(id)
    const own = entry.state === 'issued' && Buffer.compare(entry.certificate ?? new Uint8Array(0), certificate) === 0
    return own ? this.directory.user(entry.user) : undefined
  }

  /** The same, if the certificate makes its user an enrolment agent, and the user still may be one. */
  async agent(certificate: Uint8Array): Promise<User | undefined> {
    const user = await this.holder(certificate)
    if (user?.agent !== true || new Date(new X509Certificate(certificate).validTo) < new Date()) return undefined
    const purposes = extensionIn(readCertificate(certificate), 'purposes')
    const named = purposes === undefined ? [] : readPurposes(purposes.value)
    return named.includes('certificate-request-agent') ? user : undefined
  }

  async #decide(decision: Decision): Promise<Entry> {
    await this.directory.decide(decision)
    return this.entry(decision.id)
  }
}
