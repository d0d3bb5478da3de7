// What the file of an enrolment says while its request is on the way. A call can end, by its signal or its time limit,
// while that is being written: what was written then is known here all the same.
import type { PendingRequest, SubmitOptions } from './protocol.ts'
import { withNumber } from './request-state.ts'
import type { Enrolment, EnrolmentFile } from './state.ts'

/** How things stand after a call. */
export interface Noted {
  /** As the file says. */
  readonly now: Enrolment
  /** The request has gone out, and no answer has shown that it was not accepted. */
  readonly isOut: boolean
  /** The CA's number of the request, even where it could not be written down. */
  readonly number: string | undefined
}

export class RequestNote {
  readonly #file: EnrolmentFile
  readonly #before: Enrolment
  readonly #signal: AbortSignal | undefined
  #now: Enrolment
  #isOut = false
  #isOver = false
  #number: string | undefined
  #writing: Promise<unknown> = Promise.resolve()

  constructor(file: EnrolmentFile, before: Enrolment, signal: AbortSignal | undefined) {
    this.#file = file
    this.#before = before
    this.#now = before
    this.#signal = signal
  }

  /** What a protocol calls meanwhile. */
  readonly options = {
    sending: async () => {
      await this.#write({ ...this.#before, step: 'sent' })
      this.#signal?.throwIfAborted()
      if (this.#isOver) throw new Error('the call has ended')
      this.#isOut = true
    },
    unaccepted: async () => {
      this.#isOut = false
      await this.#write(this.#before)
    },
    taken: async (pending: PendingRequest) => {
      this.#number = pending.id
      this.#isOut = true
      await this.#write(withNumber(this.#before, pending))
    },
  } satisfies SubmitOptions

  /** To be called when the call has ended; from then on, nothing goes out and nothing more is written. */
  async ended(): Promise<Noted> {
    this.#isOver = true
    await this.#writing
    return { now: this.#now, isOut: this.#isOut, number: this.#number }
  }

  async #write(next: Enrolment): Promise<void> {
    const written = this.#file.write(next).then((now) => {
      this.#now = now
    })
    this.#writing = written.catch(() => undefined)
    await written
  }
}
