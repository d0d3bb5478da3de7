// Processes that run child.ts beside this one.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { program } from '../support/program.ts'
import { atExit, within } from '../support/temp.ts'

const LIMIT = 120_000

export interface Child {
  readonly pid: number
  /** The next line that it says. */
  line(): Promise<string>
  /** Tells it to go on, and returns what else it says until it ends, which must be by itself and with 0. */
  rest(): Promise<string[]>
}

/** Starts child.ts; `prefix` is a command that runs the one that follows it. */
export function beside(argv: readonly string[], prefix: readonly string[] = []): Child {
  const [command = '', ...words] = [...prefix, process.execPath, ...program('test/library/child.ts'), ...argv]
  const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(String(signal ?? code)))
    child.once('error', (error) => resolve(error.message))
  })
  void ended.then(forget)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = () => within(lines.next(), LIMIT, `a line of ${argv[0]}`)
  return {
    pid: child.pid ?? 0,
    async line() {
      const { value, done } = await next()
      if (done) throw new Error(`${argv[0]} ended: ${await ended}`)
      return value
    },
    async rest() {
      child.stdin.end('go on\n')
      const said: string[] = []
      for (let one = await next(); !one.done; one = await next()) said.push(one.value)
      const how = await within(ended, LIMIT, `the end of ${argv[0]}`)
      if (how !== '0') throw new Error(`${argv[0]} ended: ${how}`)
      return said
    },
  }
}
