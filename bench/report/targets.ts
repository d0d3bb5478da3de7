// What the card is to reach, and what a run says of it.
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
}

export function targets(results: Results): Target[] {
  return TARGETS.map(({ limit, better, value: read, ...row }) => {
    const value = read(results)
    const judged = value !== undefined && Number.isFinite(limit)
    return { ...row, value, met: judged ? (better === 'more' ? value >= limit : value <= limit) : undefined }
  })
}
