// The sources of a command's secrets: a file with one secret a line, or a question on the terminal, never the command
// line. Each is an unpooled Uint8Array, and all are wiped when the command ends, or when it begins to wait.

import { open } from 'node:fs/promises'
import { isUint8Array } from 'node:util/types'
import { copyOf, wipe } from '../bytes.ts'
import { type AnyCardError, FileError, PinError, UsageError } from '../errors.ts'
import { TEXT } from './messages.ts'
import type { Terminal } from './prompt.ts'

/** Most octets of a file of secrets. */
export const MOST_OCTETS = 4096
const ATTEMPTS = 3

/**
 * The secrets in `content`, one a line. CR LF and a byte order mark are accepted; the last line end does not begin a line.
 * Wipes `content`.
 */
export function splitSecrets(content: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  const marked = content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf
  let start = marked ? 3 : 0
  while (start < content.length) {
    const found = content.indexOf(0x0a, start)
    const stop = found === -1 ? content.length : found
    const end = stop > start && content[stop - 1] === 0x0d ? stop - 1 : stop
    lines.push(copyOf(content.subarray(start, end)))
    start = stop + 1
  }
  wipe(content)
  return lines
}

interface Content {
  readonly octets: Uint8Array
  /** Whether it can be read again: false for a pipe. */
  readonly lasts: boolean
}

/** A file of secrets, read once and used line by line. */
class SecretFile {
  readonly #read: () => Promise<Content>
  readonly #option: string
  #lines: readonly Uint8Array[] | undefined
  #lasts = false
  #next = 0
  /** Which line was which secret, before the secrets were dropped. */
  readonly #known = new Map<string, number>()
  #dropped = false

  constructor(read: () => Promise<Content>, option: string) {
    this.#read = read
    this.#option = option
  }

  async take(what: string, mayBeEmpty: boolean): Promise<Uint8Array> {
    this.#lines ??= await this.#open()
    const index = (this.#dropped ? this.#known.get(what) : undefined) ?? this.#next++
    this.#known.set(what, index)
    const line = this.#lines[index]
    if (line === undefined || (line.length === 0 && !mayBeEmpty)) {
      throw new UsageError('ERR_USAGE', TEXT.error.secretFileShort(this.#option, what, index + 1))
    }
    return line
  }

  /** Wipes what can be read again. */
  drop(): void {
    if (!this.#lasts) return
    this.wipe()
    this.#lines = undefined
    this.#dropped = true
  }

  wipe(): void {
    wipe(...(this.#lines ?? []))
  }

  async #open(): Promise<readonly Uint8Array[]> {
    const { octets, lasts } = await this.#read()
    this.#lasts = lasts
    return splitSecrets(octets)
  }
}

export interface SecretSources {
  /** --pin-file: a path, or - for standard input. */
  readonly pinFile: string | undefined
  readonly terminal: () => Terminal | undefined
  readonly warn: (text: string) => void
  /** Marks standard input as read by `reader`; throws when something else reads it already. */
  readonly claimStdin: (reader: string) => AsyncIterable<Uint8Array>
}

export interface Question {
  /** The secret's name in messages. */
  readonly what: string
  readonly prompt: string
  /** Throws for a malformed secret, before anything is sent. */
  readonly check?: (secret: Uint8Array) => unknown
  /** A warning for the user, once the secret is accepted. */
  readonly warning?: (secret: Uint8Array) => string | undefined
  /** The option for this secret in a file, if it is not --pin-file. */
  readonly option?: string
  /** Files of keys may be protected by an empty passphrase. */
  readonly mayBeEmpty?: boolean
}

export class Secrets {
  readonly #sources: SecretSources
  readonly #files = new Map<string, SecretFile>()
  readonly #taken: Uint8Array[] = []
  #drops = 0

  constructor(sources: SecretSources) {
    this.#sources = sources
  }

  /** The next line of the PIN file, or what the user types. */
  async take(question: Question): Promise<Uint8Array> {
    const fromFile = await this.#fromPinFile(question)
    return fromFile ?? this.keep(await this.#asked(question, false))
  }

  /** The same for a new secret: the user types it twice. */
  async takeNew(question: Question): Promise<Uint8Array> {
    const fromFile = await this.#fromPinFile(question)
    return fromFile ? this.warned(question, fromFile) : this.promptNew(question)
  }

  /** Asks the user twice, whatever --pin-file says. */
  async promptNew(question: Question): Promise<Uint8Array> {
    return this.warned(question, this.keep(await this.#asked(question, true)))
  }

  /** Returns the secret, after a warning if the question has one for it. */
  warned({ warning }: Question, secret: Uint8Array): Uint8Array {
    const text = warning?.(secret)
    if (text !== undefined) this.#sources.warn(text)
    return secret
  }

  /** Asks the user once, whatever --pin-file says. */
  async prompt(question: Question): Promise<Uint8Array> {
    return this.keep(await this.#asked(question, false))
  }

  /** The next line of the file that `option` names. Options that name the same file read one line each, in turn. */
  async fromFile(path: string, option: string, what: string, mayBeEmpty = false): Promise<Uint8Array> {
    let file = this.#files.get(path)
    if (file === undefined) {
      file = new SecretFile(() => (path === '-' ? this.#stdin(option) : this.#readFile(path, option)), option)
      this.#files.set(path, file)
    }
    return file.take(what, mayBeEmpty)
  }

  /** How many times secrets were dropped. */
  get drops(): number {
    return this.#drops
  }

  /** Wipes secrets that a file or the user can give again, because the command begins to wait. */
  drop(): void {
    this.#drops += 1
    wipe(...this.#taken.splice(0))
    for (const file of this.#files.values()) file.drop()
  }

  wipe(): void {
    wipe(...this.#taken)
    for (const file of this.#files.values()) file.wipe()
  }

  async #fromPinFile(question: Question): Promise<Uint8Array | undefined> {
    const { pinFile } = this.#sources
    if (pinFile === undefined) return undefined
    const secret = await this.fromFile(pinFile, '--pin-file', question.what, question.mayBeEmpty)
    wipeResult(question.check?.(secret))
    return secret
  }

  /** Registers a secret, to wipe it when the command ends. */
  keep(secret: Uint8Array): Uint8Array {
    this.#taken.push(secret)
    return secret
  }

  async #asked(question: Question, twice: boolean): Promise<Uint8Array> {
    const terminal = this.#sources.terminal()
    if (terminal === undefined) {
      const { noTerminal, noTerminalOption } = TEXT.error
      const { what, option } = question
      throw new PinError('ERR_PIN_REQUIRED', option ? noTerminalOption(what, option) : noTerminal(what))
    }
    return terminal.quietly(async () => {
      for (let attempt = 1; ; attempt++) {
        const secret = await askOnce(terminal, question.prompt, question.what)
        const problem = await problemOf(terminal, secret, question, twice).catch((error: unknown) => {
          wipe(secret)
          throw error
        })
        if (problem === undefined) return secret
        wipe(secret)
        if (attempt === ATTEMPTS) throw problem
        terminal.say(`${problem.message}\n`)
      }
    })
  }

  async #stdin(option: string): Promise<Content> {
    const content = new Uint8Array(MOST_OCTETS + 1)
    let length = 0
    try {
      for await (const chunk of this.#sources.claimStdin(option)) {
        const room = content.length - length
        content.set(chunk.subarray(0, room), length)
        length += Math.min(chunk.length, room)
        wipe(chunk)
        if (length === content.length) break
      }
    } catch (error) {
      wipe(content)
      throw error
    }
    return { octets: bounded(content, length, option), lasts: false }
  }

  async #readFile(path: string, option: string): Promise<Content> {
    const content = new Uint8Array(MOST_OCTETS + 1)
    try {
      const file = await open(path, 'r')
      try {
        const { mode } = await file.stat()
        const lasts = (mode & 0o170000) === 0o100000
        if (lasts && (mode & 0o044) !== 0) {
          this.#sources.warn(TEXT.warn.secretFileOpen(option, (mode & 0o777).toString(8).padStart(4, '0')))
        }
        let length = 0
        for (;;) {
          const { bytesRead } = await file.read(content, length, content.length - length)
          length += bytesRead
          if (bytesRead > 0 && length < content.length) continue
          return { octets: bounded(content, length, option), lasts }
        }
      } finally {
        await file.close()
      }
    } catch (error) {
      wipe(content)
      if (error instanceof UsageError) throw error
      // The path is not repeated: the user may have typed the secret itself.
      const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason'
      throw new FileError('ERR_IO', TEXT.error.secretFileUnreadable(option, reason))
    }
  }
}

/** A secret that a command needs more than once: taken once, and again after `drop`. */
export function standing<T>(secrets: Pick<Secrets, 'drops'>, take: () => Promise<T>): () => Promise<T> {
  let taken: Promise<T> | undefined
  let drops = secrets.drops
  return () => {
    if (drops !== secrets.drops) taken = undefined
    drops = secrets.drops
    taken ??= take()
    return taken
  }
}

function bounded(content: Uint8Array, length: number, option: string): Uint8Array {
  if (length <= MOST_OCTETS) return content.subarray(0, length)
  wipe(content)
  throw new UsageError('ERR_USAGE', TEXT.error.secretFileLong(option, MOST_OCTETS))
}

async function askOnce(terminal: Terminal, prompt: string, what: string): Promise<Uint8Array> {
  const typed = await terminal.ask(prompt, { echo: false })
  if (typed === undefined) throw new PinError('ERR_PIN_REQUIRED', TEXT.error.nothingEntered(what))
  return typed
}

/** Why this entry is refused, or undefined. */
async function problemOf(
  terminal: Terminal,
  secret: Uint8Array,
  question: Question,
  twice: boolean,
): Promise<AnyCardError | undefined> {
  try {
    wipeResult(question.check?.(secret))
  } catch (error) {
    if (error instanceof PinError || error instanceof UsageError) return error
    throw error
  }
  if (!twice) return undefined
  const again = await askOnce(terminal, TEXT.prompt.again, question.what)
  const same = again.length === secret.length && again.every((octet, index) => octet === secret[index])
  wipe(again)
  return same ? undefined : new UsageError('ERR_USAGE', TEXT.differ)
}

/** The format checks of piv/pin.ts return a copy of the secret. */
function wipeResult(result: unknown): void {
  if (isUint8Array(result)) wipe(result)
}
