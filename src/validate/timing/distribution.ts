// How long something took, over many times: what reports show of it.
import { mannWhitney, spearman } from '../quality/ranks.ts'

export interface Distribution {
  readonly count: number
  /** All in the unit of what was measured. */
  readonly min: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
  readonly mean: number
  /** The median of the last quarter, as a multiple of that of the first. */
  readonly drift: number
  /** How likely a drift as clear is without one: Spearman, latency against its place in the run. */
  readonly driftChance: number
  readonly histogram: Histogram
}

export interface Histogram {
  /** Lower edge of the first cell, and width of each. What is above the last is in the last. */
  readonly from: number
  readonly width: number
  readonly counts: readonly number[]
}

const CELLS = 40

/** The value that `share` of the sorted values do not exceed: the nearest rank. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

const sortedCopy = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)
const median = (values: readonly number[]): number => percentile(sortedCopy(values), 0.5)

/** Cells from the least value to the 99th percentile and a little more: outliers are in the last. */
export function histogram(sorted: readonly number[], cells = CELLS): Histogram {
  const from = sorted[0] ?? 0
  const to = percentile(sorted, 0.99)
  const width = ((to - from) * 1.05) / cells || 1
  const counts = new Array<number>(cells).fill(0)
  for (const value of sorted) {
    const cell = Math.min(cells - 1, Math.floor((value - from) / width))
    counts[cell] = (counts[cell] ?? 0) + 1
  }
  return { from, width, counts }
}

/** `values` in the order in which they were measured, at least one. */
export function distributionOf(values: readonly number[]): Distribution {
  const sorted = sortedCopy(values)
  const quarter = Math.max(1, Math.floor(values.length / 4))
  const order = values.map((_, i) => i)
  return {
    count: values.length,
    min: sorted[0] ?? Number.NaN,
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
    max: sorted.at(-1) ?? Number.NaN,
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    drift: median(values.slice(-quarter)) / median(values.slice(0, quarter)),
    driftChance: spearman(order, values).p,
    histogram: histogram(sorted),
  }
}

/** Whether two ways take equally long, measured in turns. */
export function compare(
  left: readonly number[],
  right: readonly number[],
): { readonly ratio: number; readonly p: number } {
  return { ratio: median(left) / median(right), p: mannWhitney(left, right).p }
}
