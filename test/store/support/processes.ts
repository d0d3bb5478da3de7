// Processes that run child.ts beside this one.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { program } from '../../support/program.ts'
import { atExit, within } from '../../support/temp.ts'

const script = program('test/store/support/child.ts')
const LIMIT = 120_000

export interface Beside {
  readonly process: ChildProcess
  /** Resolves with the next line the child says. */
  line(): Promise<string>
  /** All lines until the child ends; fails unless it ends by itself with 0. */
  rest(): Promise<string[]>
  /** kill -9, and waits for the end. */
  kill(): Promise<void>
}

const running = new Set<Beside>()

/** Ends every child that a test, failed perhaps, left behind. */
export async function killAll(): Promise<void> {
  await Promise.all([...running].map((child) => child.kill()))
}

/** Starts child.ts in `mode`; `prefix` is a command that runs the one that follows it. */
export function beside(mode: string, home: string, argument = '', prefix: readonly string[] = []): Beside {
  const [command = '', ...argv] = [...prefix, process.execPath, ...script, mode, home, argument]
  const spawned = spawn(command, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  const forget = atExit(() => spawned.kill('SIGKILL'))
  const ended = new Promise<number | null>((resolve) => spawned.once('close', (code) => resolve(code)))
  const lines = createInterface({ input: spawned.stdout })[Symbol.asyncIterator]()
  const next = () => within(lines.next(), LIMIT, `child ${mode}`)
  const child: Beside = {
    process: spawned,
    async line() {
      const { value, done } = await next()
      if (done) throw new Error(`child ${mode} ended`)
      return value
    },
    async rest() {
      const said: string[] = []
      for (let one = await next(); !one.done; one = await next()) said.push(one.value)
      const code = await within(ended, LIMIT, `end of child ${mode}`)
      if (code !== 0) throw new Error(`child ${mode}: exit code ${code}`)
      return said
    },
    async kill() {
      spawned.kill('SIGKILL')
      await within(ended, LIMIT, `end of child ${mode}`)
    },
  }
  running.add(child)
  void ended.then(() => {
    running.delete(child)
    forget()
  })
  return child
}

/** Runs the command that follows with a small tmpfs of its own on the folder $1; nobody else sees it. */
const mounting = ['sh', '-c', 'mount -t tmpfs -o size=128k,mode=700 none "$1" && shift && exec "$@"', 'sh']

/** The prefix for a child with a small file system on `folder`; undefined where this user may not mount. */
export function onSmallDisk(folder: string): string[] | undefined {
  return [
    ['unshare', '-m'],
    ['unshare', '-rm'],
  ]
    .map((unshare) => [...unshare, ...mounting, folder])
    .find(([program = '', ...argv]) => spawnSync(program, [...argv, 'true']).status === 0)
}

/** The prefix for a child that file permissions hold for, also when root starts it. */
export const withoutPrivilege: readonly string[] =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search,-fowner'] : []

/** The prefix for a child that can make files and not lengthen them. */
export const withoutRoom: readonly string[] = ['sh', '-c', 'trap "" XFSZ; ulimit -f 0; exec "$@"', 'sh']
