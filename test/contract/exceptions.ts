// Assertions that our own card, in this process, does not simply pass, and why. One that does is no exception any more.
import type { Outcome } from '../../src/validate/card/assertion-run.ts'

export interface Exception {
  readonly kind: Exclude<Outcome['kind'], 'passed'>
  readonly reason: string
}

const contact: Exception = {
  kind: 'not applicable',
  reason: 'the card has contacts: there is no contactless interface',
}

/** By number. */
export const EXCEPTIONS: Readonly<Record<number, Exception>> = {
  7: { kind: 'not applicable', reason: 'PIV is the only application on the card' },
  75: contact,
  76: contact,
  77: contact,
}
