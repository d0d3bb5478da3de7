// Sessions at the command line, written down as a person sees them, and run. A transcript is a text file:
//
//   # words                      a comment, before a command
//   $ tessera pin verify         a command; everything else that a shell knows does as well
//   The PIN is right, <n> tries left.
//   2> Warning: ...              on standard error
//   [4]                          exit code, where it is not 0
//                                a blank line ends what is expected
//
// A line of `...` stands for any lines, and these for what is another every time:
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { atExit, within } from '../support/temp.ts'
import { type Result, SHELL_PROGRAM, tessera } from './cli.ts'

const PLACES: Readonly<Record<string, string>> = {
  id: '[0-9a-f]{32}',
  time: '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC([+-]\\d\\d:\\d\\d)?',
  tcti: '(embedded:|swtpm:path=\\S+)',
  path: '/\\S+',
  n: '\\d+',
  base64: '[A-Za-z0-9+/]+={0,2}',
  text: '.+',
}

export interface Step {
  readonly line: number
  readonly command: string
  readonly code: number
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
}

/** @throws Error with the line number of what is not as above */
export function parseTranscript(content: string): Step[] {
  const steps: Array<{ line: number; command: string; code: number; stdout: string[]; stderr: string[] }> = []
  let open = false
  for (const [index, line] of content.split('\n').entries()) {
    const step = steps.at(-1)
    const [, code] = /^\[(\d+)\]$/.exec(line) ?? []
    if (line.startsWith('$ ')) {
      steps.push({ line: index + 1, command: line.slice(2), code: 0, stdout: [], stderr: [] })
      open = true
    } else if (line === '') open = false
    else if (!open && line.startsWith('#')) continue
    else if (!open || step === undefined) throw new Error(`line ${index + 1} belongs to no command: ${line}`)
    else if (code !== undefined) step.code = Number(code)
    else if (line.startsWith('2> ')) step.stderr.push(line.slice(3))
    else step.stdout.push(line)
  }
  return steps
}

const escaped = (words: string) => words.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** What these lines of a transcript stand for. */
export function patternOf(lines: readonly string[]): RegExp {
  const each = lines.map((line) => {
    if (line === '...') return '(.*\\n)*?'
    return `${escaped(line).replace(/<(\w+)>/g, (whole, name: string) => PLACES[name] ?? whole)}\\n`
  })
  return new RegExp(`^${each.join('')}$`)
}

/** Without anything that only a shell knows: run in this process, which is quicker. */
const PLAIN = /^tessera( +[\w./:=,%#-]+)* *$/

const LIMIT_MS = 120_000

/** Runs a command in the current folder. */
async function perform(command: string): Promise<Pick<Result, 'code' | 'stdout' | 'stderr'>> {
  if (PLAIN.test(command)) return tessera(command.split(/ +/).slice(1))
  const script = `tessera() { ${SHELL_PROGRAM} "$@"; }\n${command}`
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [code, stdout, stderr] = await within(
    Promise.all([ended, text(child.stdout), text(child.stderr)]),
    LIMIT_MS,
    command,
  )
  forget()
  return { code, stdout, stderr }
}

/** Runs a transcript in the current folder. @throws Error that shows the first step that is not as it is written */
export async function runTranscript(name: string, content: string): Promise<number> {
  const steps = parseTranscript(content)
  for (const { line, command, code, stdout, stderr } of steps) {
    const found = await perform(command)
    const same = patternOf(stdout).test(found.stdout) && patternOf(stderr).test(found.stderr) && found.code === code
    if (same) continue
    const said = [found.stdout, found.stderr.replace(/^(?=.)/gm, '2> '), `[${found.code}]`].join('')
    const written = [...stdout, ...stderr.map((words) => `2> ${words}`), `[${code}]`].join('\n')
    throw new Error(`${name}, line ${line}: $ ${command}\n--- written:\n${written}\n--- found:\n${said}`)
  }
  return steps.length
}
