// The command line as tests run it: in this process (quick), or as a process of its own (signals, pipes, terminals).
import { spawn } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { run } from '../../src/cli/program.ts'
import { root } from '../runner/jobs.ts'
import { atExit, within } from '../support/temp.ts'

export interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Standard output as octets. */
  readonly octets: Uint8Array
}

const LIMIT_MS = 120_000

export class Sink extends Writable {
  readonly chunks: Uint8Array[] = []
  readonly isTTY: boolean

  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }

  text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    // a copy: what was secret is overwritten once it is written
    this.chunks.push(Uint8Array.from(chunk))
    done()
  }
}

/** Runs a command line in this process, whose environment it sees. */
export async function tessera(argv: readonly string[], options: { readonly tty?: boolean } = {}): Promise<Result> {
  const stdout = new Sink(options.tty === true)
  const stderr = new Sink(false)
  const code = await run(argv, { stdout, stderr })
  const octets = Buffer.concat(stdout.chunks)
  return { code, stdout: octets.toString(), stderr: Buffer.concat(stderr.chunks).toString(), octets }
}

/** The program as it ships: the runner builds dist/ anew when a source is younger. */
export const PROGRAM = [process.execPath, join(root, 'bin/tessera')] as const

/** The same for a shell. */
export const SHELL_PROGRAM = PROGRAM.map((word) => `'${word}'`).join(' ')

/** Runs a command line as a process. `input` goes to its standard input. */
export async function tesseraProcess(
  argv: readonly string[],
  options: { readonly input?: string | Uint8Array; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Result> {
  const [node, ...before] = PROGRAM
  const child = spawn(node, [...before, ...argv], { env: { ...process.env, ...options.env }, stdio: 'pipe' })
  const forget = atExit(() => child.kill('SIGKILL'))
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [code, stderr] = await within(Promise.all([ended, text(child.stderr)]), LIMIT_MS, argv.join(' '))
  forget()
  const octets = Buffer.concat(chunks)
  return { code, stdout: octets.toString(), stderr, octets }
}

export interface Running {
  readonly firstLine: string
  /** Waits until it has stopped by itself, and answers its exit code. */
  end(): Promise<number | null>
  /** Tells it to stop, and answers its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts a command line that runs until it is stopped, and waits until it said something on standard output. */
export async function startProgram(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Running> {
  const [node, ...before] = PROGRAM
  const child = spawn(node, [...before, ...argv], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let [said, complained] = ['', '']
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complained += chunk
  })
  const first = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
      if (said.includes('\n')) resolve(said.split('\n', 1)[0] ?? '')
    })
    void ended.then((code) => reject(new Error(`${argv.join(' ')}: ended with ${code}: ${complained}`)))
  })
  const firstLine = await within(first, LIMIT_MS, argv.join(' '))
  const end = async () => {
    const code = await within(ended, LIMIT_MS, argv.join(' '))
    forget()
    return code
  }
  return {
    firstLine,
    end,
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return end()
    },
  }
}

/** Writes a file of secrets that only its owner can read. */
export function secretFile(path: string, ...lines: string[]): string {
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
  chmodSync(path, 0o600)
  return path
}
