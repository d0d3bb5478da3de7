// The security status of a PIV card application: what was proved on this connection. SP 800-73-5 part 1, 3.1.3.
import { timingSafeEqual } from 'node:crypto'
import { wipe } from '../../bytes.ts'

/** One step of authentication with the admin key, waiting for its answer. Valid once, for the next command only. */
export interface AdminStep {
  readonly kind: 'witness' | 'challenge'
  readonly algorithm: number
  /** The expected answer: the witness itself, or the encrypted challenge. */
  readonly expected: Uint8Array
}

/** There is no PIN flag here: the PIN status is true exactly while the vault holds a live ticket. */
export class Security {
  #admin: (() => boolean) | undefined
  #step: AdminStep | undefined

  /** The 9B status: whether the card may be managed now. */
  get admin(): boolean {
    return this.#admin?.() ?? false
  }

  /** Sets the 9B status: until reset, or for as long as `holds` says so. */
  grantAdmin(holds: () => boolean = () => true): void {
    this.#admin = holds
  }

  /** Reset, power-off, or another application selected. */
  clear(): void {
    this.#admin = undefined
    this.dropStep()
  }

  begin(step: AdminStep): void {
    this.dropStep()
    this.#step = step
  }

  dropStep(): void {
    wipe(this.#step?.expected)
    this.#step = undefined
  }

  /** Whether `answer` is what the current step expects. The step is used up either way. */
  answers(kind: AdminStep['kind'], algorithm: number, answer: Uint8Array): boolean {
    const step = this.#step
    this.#step = undefined
    if (step === undefined || step.kind !== kind || step.algorithm !== algorithm) return false
    const right = answer.length === step.expected.length && timingSafeEqual(answer, step.expected)
    wipe(step.expected)
    return right
  }
}
