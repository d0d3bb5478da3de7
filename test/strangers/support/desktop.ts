// A display of one's own with a small window manager, and a person at it: who types into the window of a name.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { atExit, within } from '../../support/temp.ts'
import { ok, run } from './tools.ts'

const LIMIT_MS = 120_000
const SIZE = '1000x720x24'

export interface Desktop {
  /** For programs that are to be on it. */
  readonly env: Readonly<Record<string, string>>
  /** Waits for a window whose title matches, other than the one before, and answers which it is. */
  window(title: string, before?: string): Promise<string>
  /** Types a line into it. */
  type(window: string, line: string): Promise<void>
  stop(): Promise<void>
}

export async function startDesktop(): Promise<Desktop> {
  // It takes the first free number, and writes it to descriptor 3 when it is ready.
  const server = start('Xvfb', ['-displayfd', '3', '-screen', '0', SIZE, '-nolisten', 'tcp'], {})
  const [number] = await within(once(server.stdio[3] as NodeJS.ReadableStream, 'data'), LIMIT_MS, 'Xvfb does not start')
  const env = { DISPLAY: `:${String(number).trim()}` }
  const manager = start('openbox', ['--sm-disable'], env)
  return {
    env,
    window: (title, before) => windowOf(title, env, before),
    async type(window, line) {
      await ok('xdotool', ['windowactivate', '--sync', window], { env })
      // Its standard input: what is typed is a secret, and not for the list of processes.
      await ok('xdotool', ['type', '--delay', '20', '--file', '-'], { env, input: line })
      await ok('xdotool', ['key', 'Return'], { env })
    },
    async stop() {
      for (const child of [manager, server]) await end(child)
    },
  }
}

/** Asked again and again: xdotool's own way to wait fails when another window is closed meanwhile. */
async function windowOf(title: string, env: Desktop['env'], before?: string): Promise<string> {
  for (const until = Date.now() + LIMIT_MS; Date.now() < until; ) {
    const { code, stdout } = await run('xdotool', ['search', '--onlyvisible', '--name', title], { env })
    const window = stdout.split('\n').find((id) => id !== '' && id !== before)
    if (code === 0 && window !== undefined) return window
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`no window '${title}' for ${LIMIT_MS} ms`)
}

function start(program: string, words: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(program, words, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  atExit(() => child.kill('SIGKILL'))
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await within(ended, LIMIT_MS, `${child.spawnfile} does not end`)
}
