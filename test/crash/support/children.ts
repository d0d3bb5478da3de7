// Programs of their own, run by child.ts: one line of JSON in, one line of JSON out.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { program } from '../../support/program.ts'
import { atExit, within } from '../../support/temp.ts'
import type { Answers, Orders } from './child.ts'

const LIMIT_MS = 120_000

export interface Child {
  readonly process: ChildProcess
  /** Resolves when the child can take orders. */
  readonly ready: Promise<void>
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>
  /** The child's answer; undefined where it ended without one. */
  ask<Name extends keyof Orders>(order: Name, details: Orders[Name]): Promise<Answers[Name] | undefined>
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>
}

export function startChild(): Child {
  const child = spawn(process.execPath, program('test/crash/support/child.ts'), {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  void ended.then(forget)
  child.stdin.on('error', () => {}) // killed before it has read everything
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string | undefined> => (await within(lines.next(), LIMIT_MS, 'child')).value
  return {
    process: child,
    ready: line().then(() => undefined),
    ended,
    async ask(order, details) {
      child.stdin.write(`${JSON.stringify({ order, details })}\n`)
      const answer = await line()
      return answer === undefined ? undefined : JSON.parse(answer)
    },
    async kill() {
      child.kill('SIGKILL')
      await within(ended, LIMIT_MS, 'end of child')
    },
  }
}
