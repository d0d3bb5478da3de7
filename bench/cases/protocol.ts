// What a case is asked, and what it answers. bench/native/bare.c speaks the first of these too.

/** `run MS GAP`: one after the other for MS milliseconds, GAP milliseconds apart (0: back to back). */
export interface Run {
  readonly ms: number
  /** Latency of each, in microseconds. */
  readonly us: readonly number[]
}

/** `many MS N`: N outstanding at any time, for MS milliseconds. */
export interface Many extends Run {
  /** p99 of how late a timer of the event loop was, in milliseconds; libuv's own clock makes up to 1 of it. */
  readonly delay: number
}

/** `cost N`: what N operations cost, each. */
export interface Cost {
  readonly commands: Readonly<Record<string, number>>
  /** How often the embedded TPM wrote its state. */
  readonly writes: number
  /** Octets allocated: in JavaScript's heap, and in buffers outside it. */
  readonly heap: number
  readonly buffers: number
}
