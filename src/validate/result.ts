/** A check that is to be run, what it came to, and how many are run. */
import { type ErrorCode, isCardError, isError } from '../errors.ts'
import type { TpmOutcome } from './tpm/check.ts'

/**
 * What may be done. To a card: N nothing is proved and nothing changes; P the PIN is verified; R tries are used, and given back;
 * W keys and objects are written. To a TPM: R nothing but reads; T keys and indices of the check's own, removed afterwards; L the
 * lockout of the whole TPM.
 */
export type Class = 'N' | 'P' | 'R' | 'W' | 'T' | 'L'
export const CLASSES: readonly Class[] = ['N', 'P', 'R', 'W', 'T', 'L']

export type Verdict = TpmOutcome['verdict'] | 'deviates'
export const VERDICTS: readonly Verdict[] = ['fail', 'deviates', 'pass', 'info', 'skipped']

export interface Outcome extends Omit<TpmOutcome, 'verdict'> {
  /**
   * `deviates`: cards in the field do it too, against the letter of the standard. `info`: facts, neither good nor bad. `skipped`:
   * it could not be run, for the reason in `says`.
   */
  readonly verdict: Verdict
}

export interface Description {
  /** Stable: reports are compared by it. */
  readonly id: string
  readonly title: string
  /** The document and its section. */
  readonly source: string
  readonly class: Class
  readonly group: 'card' | 'tpm'
}

export interface Check extends Description {
  readonly run: () => Promise<Outcome>
}

/** What became of a check; `took` in milliseconds. */
export interface Result extends Description, Outcome {
  readonly took: number
}

export interface RunOptions {
  readonly classes: readonly Class[]
  /** Beginnings of the ids of those that are run; all unless given. */
  readonly only?: readonly string[] | undefined
  /** When to begin no other check, as performance.now() counts. */
  readonly until?: number | undefined
  /** No other check is begun. */
  readonly signal?: AbortSignal | undefined
  /** Results of a run before, by id: they are not run again. */
  readonly before?: ReadonlyMap<string, Result> | undefined
  readonly onResult?: ((result: Result) => Promise<void> | void) | undefined
}

/** After these nothing is begun: what was to be validated is not there any more. */
const ENDS: readonly ErrorCode[] = [
  'ERR_CARD_IDENTITY',
  'ERR_CARD_REMOVED',
  'ERR_READER_NOT_FOUND',
  'ERR_PCSC_UNAVAILABLE',
  'ERR_TPM_GONE',
  'ERR_TPM_ABSENT',
  'ERR_TPM_TIMEOUT',
]

/** Runs one check after the other; every one has a result, also where it was not run. */
export async function runChecks(checks: readonly Check[], options: RunOptions): Promise<void> {
  let ended: string | undefined
  for (const check of checks) {
    const { run: _, ...description } = check
    const why = ended ?? reasonNotTo(description, options)
    const before = options.before?.get(check.id)
    const result: Result =
      before ??
      (why === undefined
        ? await resultOf(check, (says) => {
            ended = says
          })
        : skipped(description, why))
    await options.onResult?.(result)
  }
}

const skipped = (description: Description, says: string): Result => ({
  ...description,
  ...{ verdict: 'skipped', says, took: 0 },
})

/** The result of a check that something else kept from being run. */
export const notRunFor = (description: Description, why: string): Result => skipped(description, NOT_RUN + why)

function reasonNotTo(description: Description, { classes, only, until, signal }: RunOptions): string | undefined {
  if (only?.some((start) => description.id.startsWith(start)) === false) return `${NOT_RUN}it was not named.`
  if (!classes.includes(description.class)) return `${NOT_RUN}class ${description.class} was not asked for.`
  if (signal?.aborted) return STOPPED
  return performance.now() > (until ?? Number.POSITIVE_INFINITY) ? LATE : undefined
}

async function resultOf({ run, ...description }: Check, end: (why: string) => void): Promise<Result> {
  const began = performance.now()
  const outcome = await run().catch((error: unknown): Outcome => {
    const says = isError(error) ? error.message : String(error)
    if (isCardError(error) && ENDS.includes(error.code)) end(NOT_RUN + says)
    return { verdict: 'fail', says }
  })
  return { ...description, ...outcome, took: Math.round(performance.now() - began) }
}

const NOT_RUN = 'Not run: '
const STOPPED = `${NOT_RUN}the run was stopped before.`
/** What is said of a check for which no time was left. */
export const LATE = `${NOT_RUN}the time was over.`

/** Whether a check was begun: a run that goes on has to do it otherwise, if it may. */
export const wasRun = ({ verdict, says }: Result): boolean => verdict !== 'skipped' || !says.startsWith(NOT_RUN)

/** Whether the run was stopped before it. */
export const isUndone = ({ verdict, says }: Result): boolean =>
  verdict === 'skipped' && (says === STOPPED || says === LATE)

export const countOf = (results: readonly Result[], verdict: Verdict): number =>
  results.filter((result) => result.verdict === verdict).length
