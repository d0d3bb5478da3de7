// Programs of others: started, bounded in time, and everything that they said shown when a test fails.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { atExit, tempDir, within } from '../../support/temp.ts'

export interface Said {
  /** Exit code; null where it was ended by a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Standard output as octets. */
  readonly octets: Uint8Array
  /** All of it, with the command line: what a failing test shows. */
  readonly all: string
}

export interface RunOptions {
  /** To standard input, which is empty otherwise. */
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly ms?: number
  /** Where it runs; in a folder of the tests otherwise. */
  readonly cwd?: string
}

const LIMIT_MS = 120_000
const folder = tempDir('strangers')
let files = 0

/** A new file; only its owner can read it. */
export function file(content: Uint8Array | string, suffix = ''): string {
  const path = newFile(suffix)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

/** A path where no file is yet. */
export function newFile(suffix = ''): string {
  files += 1
  return join(folder, `${files}${suffix}`)
}

/** Runs a program to its end, whatever that is. It must not take longer than `ms`. */
export async function run(program: string, words: readonly string[], options: RunOptions = {}): Promise<Said> {
  const env = { ...process.env, LC_ALL: 'C', ...options.env }
  const child = spawn(program, words, { env, stdio: 'pipe', cwd: options.cwd ?? folder })
  const forget = atExit(() => child.kill('SIGKILL'))
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const said = (code: number | null): Said => {
    const octets = Buffer.concat(stdout)
    const [out, err] = [octets.toString(), Buffer.concat(stderr).toString()]
    const all = `$ ${[program, ...words].join(' ')}\n${out}${err}[${code}]`
    return { code, stdout: out, stderr: err, octets, all }
  }
  try {
    const [code] = await within(once(child, 'close'), options.ms ?? LIMIT_MS, program)
    return said(code as number | null)
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`${String(cause)}\n${said(null).all}`, { cause })
  } finally {
    forget()
  }
}

/** The same, and fails unless the program ended well. */
/** What was said, where the program ended well. */
export async function succeeded(saying: Promise<Said>): Promise<Said> {
  const said = await saying
  assert.is(said.code, 0, said.all)
  return said
}

export const ok = (program: string, words: readonly string[], options?: RunOptions): Promise<Said> =>
  succeeded(run(program, words, options))

/** The same, and fails unless the program ended badly. */
export async function refused(program: string, words: readonly string[], options?: RunOptions): Promise<Said> {
  const said = await run(program, words, options)
  assert.is.not(said.code, 0, said.all)
  return said
}

/** Fails unless this was said, on either of the two ways out, and shows all that was said. */
export function says({ stdout, stderr, all }: Said, pattern: RegExp): void {
  assert.ok(pattern.test(`${stdout}\n${stderr}`), `${pattern} is not in\n${all}`)
}

export interface Started {
  stdout(): string
  stderr(): string
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>
}

/** Starts a program that runs until it is stopped, and waits until it said something. */
export async function startUntil(program: string, words: readonly string[], says: RegExp): Promise<Started> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = once(child, 'close')
  let [stdout, stderr] = ['', '']
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const said = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      if (says.test(stdout)) resolve()
    })
    ended.then(() => reject(new Error(`${program} ended: ${stdout}${stderr}`)), reject)
  })
  await within(said, LIMIT_MS, `${says} from ${program}`)
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    async stop() {
      child.kill('SIGTERM')
      const [code] = await within(ended, LIMIT_MS, `the end of ${program}`)
      forget()
      return code as number | null
    },
  }
}
