// A case in a process of its own: one request a line, one answer in JSON a line.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { atExit, within } from '../../test/support/temp.ts'

const START_MS = 120_000
const ANSWER_MS = 120_000

export class CaseProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>
  readonly #name: string

  private constructor(name: string, argv: readonly string[], environment: Record<string, string>) {
    const [program = '', ...rest] = argv
    this.#name = name
    this.#child = spawn(program, rest, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    })
    this.#child.stdin.on('error', () => undefined) // told by the missing answer
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
    atExit(() => this.#child.kill('SIGKILL'))
  }

  /** Starts a case and waits for its first line, `ready`. */
  static async start(
    name: string,
    argv: readonly string[],
    environment: Record<string, string> = {},
  ): Promise<CaseProcess> {
    const one = new CaseProcess(name, argv, environment)
    await one.#line(START_MS, 'does not start')
    return one
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async ask<Answer>(request: string): Promise<Answer> {
    this.#child.stdin.write(`${request}\n`)
    return JSON.parse(await this.#line(ANSWER_MS, `does not answer ${request}`)) as Answer
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.stdin.end()
    await within(exit, ANSWER_MS, `${this.#name} does not end`)
  }

  async #line(limit: number, what: string): Promise<string> {
    const { value, done } = await within(this.#lines.next(), limit, `${this.#name} ${what}`)
    if (done) throw new Error(`${this.#name} ended: its messages are above.`)
    return value
  }
}
