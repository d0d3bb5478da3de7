// What a check of a TPM is: one row with its source, run over scratch objects, and what it found.
import type { Figure } from '../quality/figure.ts'
import type { Distribution } from '../timing/distribution.ts'
import type { Scratch } from './scratch.ts'

export interface TpmOutcome {
  /** `info`: facts, neither good nor bad. `skipped`: it could not be run, and `says` has the reason. */
  readonly verdict: 'pass' | 'fail' | 'info' | 'skipped'
  readonly says: string
  readonly facts?: Readonly<Record<string, string | number | boolean>>
  readonly figures?: readonly Figure[]
  /** In microseconds. */
  readonly times?: Readonly<Record<string, Distribution>>
}

export interface TpmCheck {
  readonly id: string
  readonly title: string
  /** The document and its section. */
  readonly source: string
  /**
   * `R` only reads. `T` makes keys and NV indices of its own, and removes them. `L` touches the dictionary-attack lockout
   * of the whole TPM, so it is never run unless it is asked for.
   */
  readonly class: 'R' | 'T' | 'L'
  readonly run: (scratch: Scratch) => Promise<TpmOutcome>
}

/** One expectation of a check. */
export interface Expectation {
  readonly what: string
  readonly wanted: string
  readonly found: string
}

/** Passes where everything was found as wanted; otherwise says what was not. */
export function expecting(good: string, all: readonly Expectation[]): TpmOutcome {
  const wrong = all.filter(({ wanted, found }) => wanted !== found)
  const facts = Object.fromEntries(all.map(({ what, found }) => [what, found]))
  if (wrong.length === 0) return { verdict: 'pass', says: good, facts }
  const says = wrong.map(({ what, wanted, found }) => `${what}: ${found}, and should be ${wanted}`).join('; ')
  return { verdict: 'fail', says: `${says}.`, facts }
}

/** Fails where a figure does, and names the attacks that it would allow. */
export function figuring(good: string, figures: readonly Figure[], times?: TpmOutcome['times']): TpmOutcome {
  const bad = figures.filter(({ verdict }) => verdict === 'fail')
  const rest = { figures, ...(times && { times }) }
  if (bad.length === 0) return { verdict: 'pass', says: good, ...rest }
  const names = bad.map(({ name, attack }) => (attack ? `${name}: ${attack.name}. ${attack.gives}` : name))
  return { verdict: 'fail', says: names.join(' '), ...rest }
}
