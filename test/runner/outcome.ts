// From what a job printed and how it ended to a number of tests passed and failed.

import type { Job } from './jobs.ts'

export type Ending = {
  readonly output: string
  readonly code: number | null
  readonly signal: string | null
  readonly seconds: number
  readonly timedOut: boolean
  /** Processes of its group that were still there after it had ended, as `pid name`. */
  readonly leftovers: readonly string[]
  /** Why it could not be started. */
  readonly startError?: string
}

export type Outcome = {
  readonly job: Job
  readonly seconds: number
  readonly passed: number
  readonly failed: number
  /** What a test said it could not do on this machine: `name: why`. */
  readonly skipped: readonly string[]
  /** Why the job failed, apart from failed tests. */
  readonly faults: readonly string[]
  readonly output: string
}

const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g')
const closing = / {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)\n/g

/** The counts of uvu's closing lines: the last ones, at the end of the output. */
export function uvuCounts(output: string): { total: number; passed: number; skipped: number } | undefined {
  const last = [...output.replace(escapes, '').matchAll(closing)].at(-1)
  if (!last) return undefined
  return { total: Number(last[1]), passed: Number(last[2]), skipped: Number(last[3]) }
}

export function judge(job: Job, ending: Ending): Outcome {
  const faults: string[] = []
  const skipped = [...ending.output.matchAll(/^# skipped: (.+)$/gm)].map((match) => match[1] ?? '')
  const counts = job.kind === 'uvu' ? uvuCounts(ending.output) : { total: 1, passed: 1, skipped: 0 }
  if (ending.startError) faults.push(`could not be started: ${ending.startError}`)
  else if (ending.timedOut) faults.push(`not done after its time limit of ${job.limit} s`)
  else if (ending.signal) faults.push(`ended by ${ending.signal}`)
  else if (!counts) faults.push(`no closing counts of uvu (is test.run() missing?), exit code ${ending.code}`)
  if (counts?.total === 0) faults.push('ran no test')
  if (counts && counts.skipped > 0) faults.push(`${counts.skipped} skipped by test.skip or test.only`)
  if (ending.leftovers.length > 0) faults.push(`left processes behind: ${ending.leftovers.join(', ')}`)

  // A linter that failed is one test failed; a test file that failed without a failed test has a fault.
  const exitFailed = ending.code !== 0
  const red =
    job.kind === 'exit' ? Number(exitFailed && faults.length === 0) : (counts?.total ?? 0) - (counts?.passed ?? 0)
  if (exitFailed && red === 0 && faults.length === 0) faults.push(`exit code ${ending.code}`)
  const green = job.kind === 'exit' ? Number(!exitFailed) : Math.max(0, (counts?.passed ?? 0) - skipped.length)
  return {
    job,
    seconds: ending.seconds,
    passed: green,
    failed: red + faults.length,
    skipped,
    faults,
    output: ending.output,
  }
}
