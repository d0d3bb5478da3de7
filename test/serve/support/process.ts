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

const LIMIT_MS = 20_000

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
    async stop(signal) {
      child.kill(signal)
      const code = await within(ended, LIMIT_MS, `the end of ${argv.join(' ')}`)
      forget()
      return code
    },
  }
}
