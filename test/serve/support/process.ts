// `tessera serve` as a process.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { PROGRAM } from '../../cli/cli.ts'
import { atExit, within } from '../../support/temp.ts'

export interface ServeProcess {
  readonly pid: number
  /** The next line of standard output; undefined at its end. */
  line(): Promise<string | undefined>
  /** Resolves when standard error has this text in it. */
  says(text: string): Promise<void>
  stderr(): string
  /** Signals it, and answers its exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>
}

const LIMIT_MS = 120_000
const running = new Set<() => Promise<unknown>>()

/** Ends what a failed test has left running, so that only that one fails: for `test.after.each`. */
export async function endServes(): Promise<void> {
  await Promise.all([...running].map((end) => end()))
}

export async function startServe(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ServeProcess> {
  const [node, ...before] = PROGRAM
  const child = spawn(node, [...before, ...argv], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let errors = ''
  let told = () => {}
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
    told()
  })
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    const code = await within(ended, LIMIT_MS, `the end of ${argv.join(' ')}`)
    forget()
    running.delete(end)
    return code
  }
  const end = () => stop('SIGKILL')
  running.add(end)
  return {
    pid: child.pid ?? 0,
    stderr: () => errors,
    async line() {
      const next = await within(lines.next(), LIMIT_MS, `a line of ${argv.join(' ')}: ${errors}`)
      return next.done === true ? undefined : next.value
    },
    async says(text) {
      const heard = new Promise<void>((resolve) => {
        told = () => {
          if (errors.includes(text)) resolve()
        }
        told()
      })
      await within(heard, LIMIT_MS, `'${text}' from ${argv.join(' ')}`)
    },
    stop,
  }
}
