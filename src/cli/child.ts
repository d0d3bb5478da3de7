// Another program, in the place of this one: it has the terminal, gets the signals, and its exit code is ours.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { UsageError } from '../errors.ts'
import { type PassedOn, passedOn } from './exit.ts'
import { TEXT } from './messages.ts'

/** A terminal sends these to every program in the foreground, so that program has them already. */
const OF_TERMINAL = ['SIGINT', 'SIGQUIT'] as const
const ALWAYS = ['SIGTERM', 'SIGHUP', 'SIGUSR2'] as const

/** @throws UsageError ERR_USAGE where it cannot be started */
export async function runProgram(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<PassedOn> {
  const child = spawn(program, args, { stdio: 'inherit', env })
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)
  const pass = (signal: NodeJS.Signals) => void child.kill(signal)
  const leave = () => {}
  for (const signal of ALWAYS) process.on(signal, pass)
  for (const signal of OF_TERMINAL) process.on(signal, hasTerminal ? leave : pass)
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    return passedOn(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'notFound' : 'notStarted'
    throw new UsageError('ERR_USAGE', TEXT.error.program[why](program, (cause as Error).message), { cause })
  } finally {
    for (const signal of [...ALWAYS, ...OF_TERMINAL]) process.off(signal, pass).off(signal, leave)
  }
}
