// Accepting requests: which ones, how many, and which are the same.
import { X509Certificate } from 'node:crypto'
import { Mutex } from '../mutex.ts'
import { formatName } from '../x509/name-text.ts'
import { type Handed, Index } from './index.ts'
import { Refusal } from './notice.ts'
import { contentOf } from './policy.ts'
import { LONGEST_REASON, LONGEST_REQUEST, type User } from './records.ts'
import type { Entry, RegistrationAuthority } from './registration-authority.ts'
import { type Request, readRequest } from './request.ts'
import type { TemplateName } from './templates.ts'

/** Most undecided requests of one user, and most requests in a directory. */
export const MOST_PENDING = 20
export const MOST_REQUESTS = 10_000

export interface Submission {
  /** Whose certificate it will be. */
  readonly user: User
  /** The enrolment agent who hands it in, on behalf of the user. */
  readonly by?: User
  readonly template: TemplateName
  /** PKCS#10, DER. */
  readonly request: Uint8Array
  /** The request renews a certificate, so there has to be one. */
  readonly renewal?: boolean
  /** Why the request is denied, if that is known already. */
  readonly objection?: string
}

export class Intake {
  readonly registration: RegistrationAuthority
  /** Whether allowed requests are issued at once. */
  readonly #atOnce: boolean
  readonly #index: Index
  readonly #turn = new Mutex()

  private constructor(registration: RegistrationAuthority, index: Index, atOnce: boolean) {
    this.registration = registration
    this.#index = index
    this.#atOnce = atOnce
  }

  static async open(registration: RegistrationAuthority, { atOnce }: { readonly atOnce: boolean }): Promise<Intake> {
    return new Intake(registration, await Index.of(registration.directory), atOnce)
  }

  /**
   * Stores a request and gives it a number. A request for more than the user may have is stored too, and denied.
   * @throws Refusal 400, 403, 413 for a malformed request or a weak key; 429 and 503 when there are too many
   */
  submit(submission: Submission): Promise<Entry> {
    return this.#turn.run(() => this.#submit(submission))
  }

  /** The same, but a request that was submitted before gets the same answer again. */
  submitOnce(submission: Submission): Promise<Entry> {
    return this.#turn.run(async () => {
      const known = this.#index.same(handed(submission))
      const entry = known === undefined ? undefined : await this.registration.entry(known)
      return entry === undefined || (await this.#isStale(entry, submission)) ? this.#submit(submission) : entry
    })
  }

  async #submit(submission: Submission): Promise<Entry> {
    const { user } = submission
    if (submission.request.length > LONGEST_REQUEST) {
      throw new Refusal(413, `A request has ${LONGEST_REQUEST} octets at most.`)
    }
    const request = readRequest(submission.request)
    await this.#checkRoom(user)
    const id = await this.#keep(handed(submission))
    const reason = await this.#reasonAgainst(submission, request)
    if (reason !== undefined) return this.registration.deny(id, reason)
    return this.#atOnce ? this.registration.approve(id) : this.registration.entry(id)
  }

  async #reasonAgainst(submission: Submission, request: Request): Promise<string | undefined> {
    const { user, by, template, renewal } = submission
    const objection = submission.objection ?? (by && template === 'EnrollmentAgent' ? IN_PERSON : undefined)
    const unable = renewal ? await this.#notRenewable(request, user) : undefined
    return objection ?? reasonAgainst(request, user, template) ?? unable
  }

  /** Whether it was denied by rules with another result now, since the user's record or certificates have changed. */
  async #isStale({ state, reason }: Entry, submission: Submission): Promise<boolean> {
    if (!this.#atOnce || state !== 'denied') return false
    return (await this.#reasonAgainst(submission, readRequest(submission.request)))?.slice(0, LONGEST_REASON) !== reason
  }

  async #checkRoom({ name }: User): Promise<void> {
    if (this.#index.size >= MOST_REQUESTS) throw new Refusal(503, 'This CA has its directory full of requests.')
    const pending = await this.#index.pending(name, this.registration.directory)
    if (pending >= MOST_PENDING) throw new Refusal(429, `${pending} requests of '${name}' wait for a decision already.`)
  }

  /** Gives the request a number. */
  async #keep(request: Handed): Promise<number> {
    for (let id = this.#index.last + 1; ; id += 1) {
      const received = new Date().toISOString()
      if (!(await this.registration.directory.addRequest({ ...request, id, received }))) continue
      this.#index.add(id, request)
      return id
    }
  }

  /** Why this request renews nothing. RFC 7030, 4.2.2: the subject must be that of a certificate of the user. */
  async #notRenewable(request: Request, { name }: User): Promise<string | undefined> {
    const subject = formatName(request.subject)
    for (const id of this.#index.ofUser(name)) {
      const { state, certificate } = await this.registration.entry(id)
      if (state === 'issued' && certificate !== undefined && stillValid(certificate)) {
        if (subject === `CN=${name}`) return undefined
        return `A request for renewal has the subject of the certificate, CN=${name}.`
      }
    }
    return `The user '${name}' has no certificate that is valid, so there is none to renew.`
  }
}

const IN_PERSON = 'An enrolment agent asks for the certificate of one in person, not on behalf of somebody.'

const handed = ({ user, by, template, request }: Submission): Handed => ({
  ...{ user: user.name, template, request },
  ...(by && { by: by.name }),
})
const stillValid = (certificate: Uint8Array): boolean => new Date(new X509Certificate(certificate).validTo) > new Date()

function reasonAgainst(request: Request, user: User, template: TemplateName): string | undefined {
  try {
    contentOf(request, user, template)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}
