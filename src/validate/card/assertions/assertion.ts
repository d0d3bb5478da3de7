// What an assertion is, and what becomes of it.
import type { Answer, Edge } from './edge.ts'

/**
 * N needs nothing and changes nothing; P needs the PIN and changes nothing that stays; R uses tries and gives them
 * back; W writes: for a spare card.
 */
export type Class = 'N' | 'P' | 'R' | 'W'

/**
 * What a status word has to be: `9000`, `63Cx` (x: any digit), `63C{max}` (all tries), `63C{max-1}`, `!9000` (anything
 * else); several with spaces between. After `~` those that are tolerated, which is then said.
 */
export type Expected = string

// biome-ignore lint/suspicious/noConfusingVoidType: most checks return nothing
export type Tolerated = string | undefined | void

export interface Step {
  /** An APDU in hex with fields like {pin}, or whatever makes an answer. */
  readonly send: string | ((edge: Edge) => Promise<Answer> | Answer)
  readonly sw: Expected
  /** Looks at an answer; throws what is wrong with it, and returns what is tolerated. */
  readonly check?: (answer: Answer, edge: Edge, before: readonly Answer[]) => Tolerated | Promise<Tolerated>
}

export interface Assertion {
  /** As in the reference, section 8. */
  readonly number: number
  readonly class: Class
  readonly title: string
  /** Why a card cannot be asked this; undefined where it can. */
  readonly unless?: (edge: Edge) => Promise<string | undefined> | string | undefined
  /** After reset and SELECT. */
  readonly steps: readonly Step[]
}

/** One that has a name of its own, which stays the same, in place of a number; and its document with the section. */
export interface NamedAssertion extends Omit<Assertion, 'number'> {
  readonly id: string
  readonly source: string
}

export type Outcome =
  | { readonly kind: 'passed' }
  /** Tolerated by the reference. */
  | { readonly kind: 'deviates'; readonly detail: string }
  | { readonly kind: 'not applicable'; readonly detail: string }
  | { readonly kind: 'failed'; readonly detail: string }

type Check = NonNullable<Step['check']>

export const step = (send: Step['send'], sw: Expected, check?: Check): Step => ({ send, sw, ...(check && { check }) })

export function assertion(
  number: number,
  kind: Class,
  title: string,
  steps: readonly Step[],
  unless?: Assertion['unless'],
): Assertion {
  return { number, class: kind, title, steps, ...(unless && { unless }) }
}

export function named(
  id: string,
  source: string,
  kind: Class,
  title: string,
  steps: readonly Step[],
  unless?: Assertion['unless'],
): NamedAssertion {
  return { id, source, class: kind, title, steps, ...(unless && { unless }) }
}

/** A step for which nothing is sent at first. */
export const look = (work: (edge: Edge) => Tolerated | Promise<Tolerated>): Step =>
  step(
    () => ({ data: new Uint8Array(0), sw: 0x9000 }),
    '9000',
    (_answer, edge) => work(edge),
  )

/** Throws `message` unless `condition` holds. */
export function must(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

// --- Commands that many assertions send -------------------------------------------------------------------------

export const VERIFY = '00 20 00 80 08 {pin}'
export const VERIFY_WRONG = '00 20 00 80 08 {wrong}'
export const STATUS = '00 20 00 80'
export const verified = step(VERIFY, '9000')
export const getData = (tag: string): string => {
  const length = tag.replaceAll(' ', '').length / 2
  return `00 CB 3F FF 0${length + 2} 5C 0${length} ${tag} 00`
}
/** Gives all tries back: a command with the right PUK. */
export const RESET_RETRY_COUNTER = '00 2C 00 80 10 {puk} {pin}'
export const RESTORE = step(RESET_RETRY_COUNTER, '9000')
