// Numbers out of samples. Medians throughout: on a machine that does other things means say little.

/** The value below which `part` of the samples lie; NaN of none. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = Float64Array.from(samples).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5)

/** Three digits are more than any of these numbers is good for; numbers of the report are rounded by it. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : value
}

/** Latencies in microseconds. */
export interface Latency {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly samples: number
}

export function latency(us: readonly number[]): Latency {
  const at = (part: number) => rounded(quantile(us, part))
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), samples: us.length }
}
