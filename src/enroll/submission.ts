/**
 * An enrolment between its request and the decision of the CA. Whatever happens there, a request that the CA may have is
 * not handed in a second time, and its number is not lost: only the CA's decision or `abandon` ends it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { CaError, FileError, UsageError } from '../errors.ts'
import type { EnrollEvent, EnrollOptions } from './enroll-options.ts'
import type { CaAnswer, CallOptions, PendingRequest, SubmitOptions } from './protocol.ts'
import { type Noted, RequestNote } from './request-note.ts'
import { assertBounded, toAsk, withNumber, withoutRequest } from './request-state.ts'
import type { Enrolment, EnrolmentFile } from './state.ts'

/** RFC 9110: with these a server has not accepted what was sent. 303 may follow after it has. */
const isUnaccepted = (status = 0): boolean =>
  (status >= 300 && status < 500 && status !== 303) || status === 501 || status === 503

/** What a request needs of its enrolment. */
export interface Submitting extends Pick<EnrollOptions, 'ca' | 'wait' | 'signal' | 'onBehalfOf'> {
  readonly file: EnrolmentFile
  readonly say: (event: EnrollEvent) => void
}

export class Submission {
  readonly #with: Submitting

  constructor(submitting: Submitting) {
    this.#with = submitting
  }

  /** From the request to the CA's decision, or to where nothing more can be done now. */
  async run(at: Enrolment): Promise<Enrolment> {
    if (at.step === 'requested') return this.#wait(await this.#submit(at), true)
    if (at.step === 'sent') return this.#wait(await this.#recover(at), true)
    return this.#wait(at, false)
  }

  async #submit(at: Enrolment): Promise<Enrolment> {
    const { ca, file, say, signal, onBehalfOf } = this.#with
    const signed = await onBehalfOf?.agent.sign(requestOf(at), onBehalfOf.user)
    say({ step: 'submit', ca: ca.name })
    const note = new RequestNote(file, at, signal)
    let answer: CaAnswer
    try {
      const options = { ...this.#options(at), ...(signed !== undefined && { signed }) }
      answer = await ca.submit(requestOf(at), { ...options, ...note.options })
    } catch (error) {
      throw await this.#failed(at, error, await note.ended())
    }
    const { now } = await note.ended()
    return 'pending' in answer && isKnown(now, answer.pending) ? now : this.#decided(now, answer)
  }

  /** The error for a request whose call failed. One that the CA cannot have is taken back. */
  async #failed(at: Enrolment, error: unknown, { now, isOut, number }: Noted): Promise<unknown> {
    if (now.step === 'pending') return pendingStill(now, error)
    const refused = number === undefined && isRefusal(error)
    if (isOut && !refused && (number !== undefined || !isUntaken(error))) return this.#unanswered(at, error, number)
    try {
      if (refused) await this.#withdraw(at)
      else if (now !== at) await this.#with.file.write(at)
      return error
    } catch (failed) {
      return failed instanceof FileError ? withCause(failed, error) : failed
    }
  }

  /** After an answer was lost. */
  async #recover(at: Enrolment): Promise<Enrolment> {
    const { ca, file, say, signal } = this.#with
    signal?.throwIfAborted()
    if (ca.recover === undefined) throw this.#unanswered(at)
    say({ step: 'fetch', ca: ca.name })
    const taken = async (pending: PendingRequest) => void (await file.write(withNumber(at, pending)))
    const answer = await ca.recover(requestOf(at), { ...this.#options(at), taken }).catch((error: unknown) => {
      throw pendingStill(at, error)
    })
    return this.#decided(at, answer)
  }

  /** Asks until the CA has decided or the time is over. */
  async #wait(from: Enrolment, submitted: boolean): Promise<Enrolment> {
    const { ca, wait = 0, signal, say } = this.#with
    const deadline = Date.now() + wait * 1000
    for (let at = from; ; ) {
      const { pending } = at
      if (at.step !== 'pending' || pending === undefined) return at
      const until = new Date(pending.askAfter)
      // A new call asks at once, unless the CA set a time (RFC 7030, 4.2.3).
      const bound = at !== from || pending.retryAfter !== undefined || submitted
      if (bound && until.getTime() > Date.now()) {
        if (until.getTime() > deadline) return at
        say({ step: 'wait', id: pending.id, until })
        await delay(until.getTime() - Date.now(), undefined, signal === undefined ? {} : { signal })
      }
      say({ step: 'fetch', ca: ca.name })
      const answer = await ca.fetch(toAsk(pending), requestOf(at), this.#options(at)).catch((error: unknown) => {
        throw pendingStill(at, error)
      })
      at = await this.#decided(at, answer)
    }
  }

  async #decided(at: Enrolment, answer: CaAnswer): Promise<Enrolment> {
    assertBounded(answer)
    if ('pending' in answer) return this.#with.file.write(withNumber(at, answer.pending))
    if ('denied' in answer) {
      await this.#withdraw(at)
      throw answer.denied
    }
    const { pending: _, ...kept } = at
    return this.#with.file.write({
      ...kept,
      step: 'issued',
      certificate: answer.certificate,
      chain: [...answer.chain],
    })
  }

  /** A refusal ends the request but keeps the key: the next try can ask for something else with it. */
  async #withdraw(at: Enrolment): Promise<void> {
    if (at.place === at.slot) await this.#with.file.remove()
    else await this.#with.file.write(withoutRequest(at))
  }

  #options({ template, renewal }: Enrolment): SubmitOptions & CallOptions {
    const { signal } = this.#with
    return { renewal, ...(template !== undefined && { template }), ...(signal !== undefined && { signal }) }
  }

  /** The error for a request that the CA may have. One that can be asked about again needs no other. */
  #unanswered({ slot }: Enrolment, cause?: unknown, number?: string): unknown {
    const { ca, signal } = this.#with
    if (signal?.aborted || ca.recover !== undefined) return cause
    // Only the fact: what that call advises does not go together with what is to be done now.
    const fact = cause instanceof CaError && cause.fact !== undefined ? ` (${cause.fact})` : ''
    const which = number === undefined ? '' : ` Its number there is ${number}.`
    return new CaError(
      'ERR_CA_ANSWER_LOST',
      `The request for slot ${slot} was sent to the CA (${ca.name}), and no usable answer came${fact}, so the CA may have it.${which} It is not sent again, because the CA would make a second request of it. Ask the people who run the CA to reject the request, or revoke its certificate, or to confirm that they do not have it. Then start over: tessera enroll ${slot} --abandon.`,
      { cause },
    )
  }
}

const requestOf = ({ request = new Uint8Array(0) }: Enrolment): Uint8Array => request

/** Whether the file has this number already. */
const isKnown = ({ pending }: Enrolment, { id, retryAfter }: PendingRequest): boolean =>
  pending?.id === id && pending.retryAfter === retryAfter

const withCause = ({ code, message, path }: FileError, cause: unknown): FileError =>
  new FileError(code, message, { cause, ...(path !== undefined && { path }) })

const isRefusal = (error: unknown): boolean =>
  error instanceof UsageError || (error instanceof CaError && error.code === 'ERR_CA_REFUSED')

/** Whether an error of `submit` shows that the CA has not accepted the request. */
const isUntaken = (error: unknown): boolean =>
  error instanceof CaError && (error.code === 'ERR_CA_LOGIN' || isUnaccepted(error.status))

/** A refusal of a question is not one of the request, which stays with the CA. */
function pendingStill({ slot, pending }: Enrolment, error: unknown): unknown {
  if (!(error instanceof CaError) || error.code !== 'ERR_CA_REFUSED') return error
  const { message, words, status } = error
  const which = pending === undefined ? 'The request' : `Request ${pending.id}`
  return new CaError(
    'ERR_CA_REFUSED',
    `${message} ${which} is kept, and the same command asks about it again. If the CA will not issue it, give it up: tessera enroll ${slot} --abandon.`,
    { cause: error, ...(words !== undefined && { words }), ...(status !== undefined && { status }) },
  )
}
