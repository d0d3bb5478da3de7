// What the card is to reach, and what a run says of it.
import { isSlow } from './noise.ts'
import type { Results } from './results.ts'
import { TARGETS } from './target-rows.ts'

export interface Target {
  readonly case: string
  readonly target: string
  /** Of this run; undefined where that part was not run. */
  readonly value: number | undefined
  readonly unit: string
  /** Undefined also where a value is named and has no limit. */
  readonly met: boolean | undefined
  /** How far the measurements behind the value lie apart, in per cent. */
  readonly noise: number | undefined
}

export function targets(results: Results): Target[] {
  const slow = isSlow(results)
  return TARGETS.map(({ limit: quick, slowLimit = quick, better, value: read, target, noise, ...row }) => {
    const [value, limit] = [read(results), slow ? slowLimit : quick]
    const judged = value !== undefined && Number.isFinite(limit)
    const met = judged ? (better === 'more' ? value >= limit : value <= limit) : undefined
    return { ...row, target: target(limit), value, met, noise: value === undefined ? undefined : noise?.(results) }
  })
}
