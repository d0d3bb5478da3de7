// Jobs two at a time, each reported as it ends.
import type { Job } from './jobs.ts'
import { judge, type Outcome } from './outcome.ts'
import { run } from './process.ts'
import { failureText, jobLine } from './report.ts'

const atATime = 2

/** @param environment what tests get beside that of this process */
export async function runAll(jobs: readonly Job[], environment: Record<string, string>): Promise<Outcome[]> {
  const waiting = [...jobs]
  const outcomes: Outcome[] = []
  const worker = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      const outcome = judge(job, await run(job, environment))
      outcomes.push(outcome)
      console.log(jobLine(outcome))
      if (outcome.failed > 0) console.log(failureText(outcome))
    }
  }
  await Promise.all(Array.from({ length: atATime }, worker))
  return outcomes
}
