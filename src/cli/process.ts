// One command line as this process. Node ends with 0 when nothing is left to wait for, even if a promise never settles,
// so the exit code is a failure until the work has settled.
import { type ExitCode, failureOf } from './exit.ts'
import { TEXT } from './messages.ts'
import { Output, type Streams } from './output.ts'
import { run } from './program.ts'
import { COMMANDS, type CommandRow } from './table.ts'

/** The part of Node's process that is used here. */
export interface Host extends Streams {
  exitCode?: number | string | null | undefined
  once(event: 'exit', listener: (code: number) => void): unknown
  once(event: 'beforeExit', listener: () => void): unknown
  exit(code: number): void
}

export function runAsProcess(
  argv: readonly string[],
  commands: readonly CommandRow[] = COMMANDS,
  host: Host = process,
): void {
  // A closed reader is noticed by the failed write; without a listener the error would be an uncaught exception.
  for (const stream of [host.stdout, host.stderr]) stream.on('error', () => undefined)
  const failure = failureOf(commands.find(({ oneIsAnswer, words }) => oneIsAnswer && isNamed(argv, words.split(' '))))
  let result: ExitCode | undefined
  host.exitCode = failure
  host.once('beforeExit', () => void unsettled(argv, host))
  // Node ends with 1 for an uncaught exception.
  host.once('exit', (code) => {
    if (result === undefined && code <= 1) host.exitCode = failure
  })
  void run(argv, host, commands).then((code) => {
    result = code
    host.exit(code)
  })
}

function unsettled(argv: readonly string[], streams: Streams): Promise<void> {
  const out = new Output({ json: argv.includes('--json'), quiet: false, level: 'error' }, streams)
  return out.error(new Error(TEXT.error.unsettled))
}

/** Whether the words of a command stand in a command line, one behind the other. */
const isNamed = (argv: readonly string[], words: readonly string[]): boolean =>
  argv.some((_, at) => words.every((word, index) => argv[at + index] === word))
