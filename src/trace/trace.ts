/**
 * The trace of this process: every APDU and every TPM command that it sends, without secrets, into a file. Off unless
 * TESSERA_TRACE or `--trace` names one. Processes that it starts go on in the same file.
 */
import { appendFileSync, closeSync, constants, openSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileError } from '../files/faults.ts'
import type { TraceEntry } from './entry.ts'

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW

export class Trace {
  readonly #path: string
  readonly #fd: number
  #broken = false

  /** @throws FileError where the file cannot be written */
  constructor(path: string) {
    this.#path = path
    try {
      this.#fd = openSync(path, FLAGS, 0o600)
    } catch (cause) {
      throw fileError(cause, 'write', path)
    }
  }

  /** One write for each line, so that lines of several processes do not mix. A trace ends where it cannot be written. */
  record(entry: Omit<TraceEntry, 'process'>): void {
    if (this.#broken) return
    const { time, took, kind, to, command, answer } = entry
    const line = { time: rounded(time), took: rounded(took), process: process.pid, kind, to, command, answer }
    try {
      appendFileSync(this.#fd, `${JSON.stringify(line)}\n`)
    } catch (cause) {
      this.#broken = true
      process.emitWarning(`The trace ends here: ${fileError(cause, 'write', this.#path).message}`)
    }
  }

  close(): void {
    this.#broken = true
    closeSync(this.#fd)
  }
}

/** Microseconds are what the clocks give. */
const rounded = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000

/** `null`: none is wanted. `undefined`: nobody has looked yet. */
let current: Trace | null | undefined

/** The trace of this process, if it has one. @throws FileError where the file that TESSERA_TRACE names cannot be written */
export function traceOfProcess(): Trace | undefined {
  if (current === undefined) current = process.env.TESSERA_TRACE ? new Trace(resolve(process.env.TESSERA_TRACE)) : null
  return current ?? undefined
}

/**
 * Begins a trace, in place of one that goes on; the result ends it, and what was before goes on.
 * @throws FileError where the file cannot be written
 */
export function traceTo(path: string): () => void {
  const before = { trace: current, path: process.env.TESSERA_TRACE }
  const trace = new Trace(resolve(path))
  current = trace
  process.env.TESSERA_TRACE = resolve(path)
  return () => {
    trace.close()
    current = before.trace
    if (before.path === undefined) delete process.env.TESSERA_TRACE
    else process.env.TESSERA_TRACE = before.path
  }
}
