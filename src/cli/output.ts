// What a command prints, and where: results to standard output, everything else to standard error.
//   human   results and sentences on standard output; notes, warnings, errors on standard error
//   --quiet results only; errors
//   --json  exactly one JSON value on standard output; an error is one JSON object on standard error
import { CardError, FileError, isError, PcscError, PinError, SignInError, TpmError } from '../errors.ts'
import { TEXT } from './messages.ts'
import { ADVICE } from './messages-errors.ts'
import { jsonLine, shown } from './plain.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }

export interface Streams {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/** How much is printed on standard error; each level includes those before: errors, warnings, notes, stacks. */
export const LEVELS = ['none', 'error', 'warning', 'info', 'debug'] as const
type Level = (typeof LEVELS)[number]

export interface Mode {
  readonly json: boolean
  readonly quiet: boolean
  readonly level: Level
}

export class Output {
  readonly mode: Mode
  readonly #streams: Streams

  constructor(mode: Mode, streams: Streams) {
    this.mode = mode
    this.#streams = streams
  }

  /** The result of the command. */
  result(json: Json, human: string): Promise<void> {
    if (this.mode.json) return this.#out(jsonLine(json))
    return this.#out(shown(human.endsWith('\n') ? human : `${human}\n`))
  }

  /** A sentence that the work is done; --quiet leaves it out, and silence means success. */
  async done(json: Json, sentence: string): Promise<void> {
    if (this.mode.json || !this.mode.quiet) await this.result(json, sentence)
  }

  /** Octets as they are. */
  octets(data: Uint8Array): Promise<void> {
    return this.#out(data)
  }

  get toTerminal(): boolean {
    return this.#streams.stdout.isTTY === true
  }

  /** Columns of the terminal that standard output is, if it is one and says so. */
  get width(): number | undefined {
    return (this.toTerminal && this.#streams.stdout.columns) || undefined
  }

  /** A person reads standard error and can be asked. */
  get watched(): boolean {
    return this.#streams.stderr.isTTY === true
  }

  note(text: string): Promise<void> {
    return this.#aside('info', text)
  }

  warn(text: string): Promise<void> {
    return this.#aside('warning', TEXT.warn.label + text)
  }

  /** One JSON line on standard error, for what a program must read before the result. */
  async aside(json: Json, human: string): Promise<void> {
    if (this.mode.json) await write(this.#streams.stderr, jsonLine(json))
    else await this.#out(shown(`${human}\n`))
  }

  /** One line that the next one replaces, if a person is waiting; an empty one ends them. */
  async progress(text: string): Promise<void> {
    if (this.mode.json || this.mode.quiet || !this.watched || !this.#says('info')) return
    await write(this.#streams.stderr, `\r\u001b[K${shown(text)}`)
  }

  /** Runs `work`, with a spinner if a person is waiting. */
  async working<Result>(text: string, work: () => Promise<Result>): Promise<Result> {
    if (this.mode.json || this.mode.quiet || !this.watched || !this.#says('info')) return work()
    const { default: yoctoSpinner } = await import('yocto-spinner')
    // Signals are handled elsewhere, because the card has to be closed first.
    const spinner = yoctoSpinner({ text, handleSignals: false }).start()
    try {
      return await work()
    } finally {
      spinner.stop()
    }
  }

  async error(error: unknown): Promise<void> {
    if (!this.#says('error')) return
    const text = this.mode.json ? jsonLine({ error: errorJson(error) }) : `${this.#errorText(error)}\n`
    await write(this.#streams.stderr, text)
  }

  #says(level: Level): boolean {
    return LEVELS.indexOf(level) <= LEVELS.indexOf(this.mode.level)
  }

  async #aside(level: Level, text: string): Promise<void> {
    const silent = this.mode.json || this.mode.quiet || !this.#says(level)
    if (!silent) await write(this.#streams.stderr, shown(`${text}\n`))
  }

  #errorText(error: unknown): string {
    const { message, advice } = wording(error)
    const lines = [`tessera: ${message}`, advice, errorNumbers(error)].filter((line) => line !== undefined)
    if (this.#says('debug')) lines.push(...causes(error))
    return shown(lines.join('\n  '))
  }

  #out(data: string | Uint8Array): Promise<void> {
    return write(this.#streams.stdout, data)
  }
}

function wording(error: unknown): { readonly message: string; readonly advice: string | undefined } {
  if (error instanceof CardError) return { message: error.message, advice: ADVICE[(error as CardError).code] }
  return { message: TEXT.error.internal(isError(error) ? error.message : 'unknown'), advice: undefined }
}

/** An error as --json prints it. */
export function errorJson(error: unknown): Json {
  const { message, advice } = wording(error)
  if (!(error instanceof CardError)) return { code: 'ERR_INTERNAL', message }
  return {
    code: error.code,
    message,
    advice,
    triesLeft: error instanceof PinError ? error.triesLeft : undefined,
    // 0: the error did not come from an answer.
    rc: (error instanceof TpmError || error instanceof PcscError) && error.rc ? error.rc : undefined,
    command: error instanceof TpmError ? error.command : undefined,
    sw: error.sw?.toString(16),
    ckr: error.ckr,
    reason: error instanceof SignInError ? error.reason : undefined,
  }
}

/** The code and the numbers under which a search engine finds this error. */
function errorNumbers(error: unknown): string | undefined {
  if (!(error instanceof CardError) || error.code === 'ERR_USAGE') return undefined
  const words = [error.code, error.sw && `SW ${error.sw.toString(16).toUpperCase()}`, error.ckr]
  if (error instanceof PcscError && error.rc !== undefined) words.push(`PC/SC 0x${error.rc.toString(16)}`)
  if (error instanceof TpmError && error.rc) {
    words.push(`TPM 0x${error.rc.toString(16)}${error.command === undefined ? '' : ` in ${error.command}`}`)
  }
  return `(${words.filter(Boolean).join(', ')})`
}

function causes(error: unknown): string[] {
  const lines: string[] = []
  for (let below = error; isError(below); below = below.cause) {
    lines.push(below === error ? String(below.stack) : `${TEXT.error.cause}: ${below.stack}`)
  }
  return lines
}

/**
 * Resolves when the stream has taken the data, so that nothing is lost when the process ends.
 * @throws FileError; EPIPE unchanged, since nobody can be told
 */
export function write(stream: NodeJS.WritableStream, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error?: Error | null) => (error ? reject(unwritten(error)) : resolve()))
  })
}

function unwritten(cause: NodeJS.ErrnoException): Error {
  const { code } = cause
  if (code === undefined || code === 'EPIPE') return cause
  const kind = code === 'ENOSPC' || code === 'EDQUOT' ? 'ERR_DISK_FULL' : 'ERR_IO'
  return new FileError(kind, TEXT.error.unwritable(TEXT.output, code), { cause })
}
