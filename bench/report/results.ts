// What a run of the benchmarks writes as JSON. bench/README.md explains it; `format` grows when a field changes meaning.
import type { Latency } from '../measure/statistics.ts'

export const FORMAT = 1

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly system: string
  /** One-minute load average when the run began: other work on the machine. */
  readonly load: number
  /** Per cent of the processors' time that the hypervisor gave to others during the run (proc(5), `steal`). */
  readonly steal?: number
}

/** Name and version of whatever has a part in the figures. */
export type Versions = Readonly<Record<string, string>>

/** One layer signing in one way. */
export interface SignatureResult extends Latency {
  readonly transport: string
  readonly algorithm: string
  readonly policy: string
  /** `bare` is the loop in C: on swtpm over the stock TCTI, for `embedded` with libtpms in its process. */
  readonly layer: string
  /** `back to back`, `spaced` (20 ms apart), `4 outstanding`, `16 outstanding`. */
  readonly mode: string
  /** Signatures a second: the median of the rounds. */
  readonly rate: number
  /** Rate relative to the bare loop, back to back in the same round: the median of the rounds. */
  readonly ofBareRate?: number
  /** Median latency relative to the bare loop's in the same mode and round: the median of the rounds. */
  readonly ofBareLatency?: number
  /** How far the rates of the rounds lie apart, in per cent of their median, without the best and the worst tenth. */
  readonly spread: number
  /** p99 of the delay of the event loop, in milliseconds; with 4 and 16 outstanding. */
  readonly delay?: number
}

/** What one signature costs, whatever the time. */
export interface CostResult {
  readonly transport: string
  readonly algorithm: string
  readonly policy: string
  readonly layer: string
  readonly commands: Readonly<Record<string, number>>
  readonly writes: number
  readonly heap: number
  readonly buffers: number
}

/** A synchronous function, by Benchmark.js. */
export interface CodecResult {
  readonly name: string
  readonly perSecond: number
  /** Relative margin of error, per cent. */
  readonly margin: number
}

/** Anything that is measured by itself: start, keys, readers. Milliseconds unless the name says otherwise. */
export interface SingleResult {
  readonly group: string
  readonly name: string
  readonly unit: 'ms' | 'us' | '%' | 'count' | 'times' | '/s'
  readonly median: number
  readonly low: number
  readonly high: number
  readonly samples: number
}

export interface Results {
  readonly format: typeof FORMAT
  readonly made: string
  readonly commit: string
  readonly machine: Machine
  readonly versions: Versions
  readonly settings: Readonly<Record<string, number>>
  readonly signatures: readonly SignatureResult[]
  readonly costs: readonly CostResult[]
  readonly codecs: readonly CodecResult[]
  readonly singles: readonly SingleResult[]
}
