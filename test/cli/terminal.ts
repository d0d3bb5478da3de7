// A person at a terminal: a program on a pseudo-terminal of its own (`script`, util-linux), waited for and typed at.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { atExit, within } from '../support/temp.ts'

export interface Step {
  /** Wait until the screen shows this (after what earlier steps waited for) .. */
  readonly see: string
  /** .. then press these keys. Enter is \r. */
  readonly type: string
}

export interface Conversation {
  /** All that was on the screen, echoes included. */
  readonly screen: string
  readonly code: number | null
}

const LIMIT_MS = 120_000

/** Runs a shell command on a terminal and holds a conversation with it. */
export async function converse(
  command: string,
  steps: readonly Step[],
  environment: NodeJS.ProcessEnv = process.env,
  onScreen: (screen: string) => void = () => undefined,
): Promise<Conversation> {
  // CI would keep a spinner from spinning: here a person looks on
  const { CI: _, ...watched } = environment
  const env = { ...watched, SHELL: '/bin/sh', TERM: 'xterm' }
  const child = spawn('script', ['-qefc', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const forget = atExit(() => child.kill('SIGKILL'))
  const closed = once(child, 'close') as Promise<[number | null]>
  let screen = ''
  let seen = 0
  const left = [...steps]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text
    onScreen(screen)
    for (let step = left[0]; step !== undefined; step = left[0]) {
      const at = screen.indexOf(step.see, seen)
      if (at === -1) break
      seen = at + step.see.length
      left.shift()
      child.stdin.write(step.type)
    }
  })
  try {
    const [code] = await within(closed, LIMIT_MS, `the conversation stands still at: ${screen}`)
    if (left[0] !== undefined) throw new Error(`never seen: ${left[0].see}; the screen: ${screen}`)
    return { screen, code }
  } finally {
    forget()
    child.kill('SIGKILL')
    child.stdin.destroy()
  }
}
