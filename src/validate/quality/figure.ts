// One figure of a quality check: what was measured, what an honest device gives, and what a worse one would allow.
import type { Attack } from './attacks.ts'

export interface Figure {
  readonly name: string
  readonly value: number
  /** In words: which values pass. */
  readonly passes: string
  /** `info`: it says something about the device, and nothing is good or bad. */
  readonly verdict: 'pass' | 'fail' | 'info'
  /** How likely an honest device fails this figure. */
  readonly falseAlarm: number
  /** How likely an honest device gives a figure as bad as this one. */
  readonly p?: number
  /** What a failing figure would allow. */
  readonly attack?: Attack
}

/** The rate of false alarms of one figure, where nothing else is said. */
export const ALARM = 1e-6
/** Latency against the bits of a nonce. It finds every known case in 2,000 signatures. */
export const LATENCY_ALARM = 1e-5

/** A figure that fails where an honest device would give it too rarely. */
export function byChance(name: string, value: number, p: number, attack: Attack, falseAlarm = ALARM): Figure {
  const passes = `by chance in more than one of ${Math.round(1 / falseAlarm).toLocaleString('en')} runs`
  return { name, value, passes, verdict: p < falseAlarm ? 'fail' : 'pass', falseAlarm, p, attack }
}

/** A figure that fails where it is not below `bound`. */
export function below(name: string, value: number, bound: number, falseAlarm: number, attack: Attack): Figure {
  return { name, value, passes: `below ${bound}`, verdict: value < bound ? 'pass' : 'fail', falseAlarm, attack }
}

/** A figure that fails where it is below `bound`. */
export function atLeast(name: string, value: number, bound: number, falseAlarm: number, attack: Attack): Figure {
  return { name, value, passes: `at least ${bound}`, verdict: value >= bound ? 'pass' : 'fail', falseAlarm, attack }
}

export const info = (name: string, value: number, says: string): Figure => ({
  name,
  value,
  passes: says,
  verdict: 'info',
  falseAlarm: 0,
})

/** How likely an honest device fails at least one of them, at most. */
export const falseAlarmOf = (figures: readonly Figure[]): number =>
  figures.reduce((sum, { falseAlarm }) => sum + falseAlarm, 0)
