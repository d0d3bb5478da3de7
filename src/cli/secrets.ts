// The sources of a command's secrets: a file with one secret a line, or a question on the terminal, never the command
// line. Each is an unpooled Uint8Array, and all are wiped when the command ends, or when it begins to wait.

import { isUint8Array } from 'node:util/types'
import { wipe } from '../bytes.ts'
import { type AnyCardError, PinError, UsageError } from '../errors.ts'
import { TEXT } from './messages.ts'
import type { Terminal } from './prompt.ts'
import { readSecretFile, readSecrets, SecretFile } from './secret-file.ts'

/** How often a mistyped secret is asked for. */
const ATTEMPTS = 3

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
      const { claimStdin, warn } = this.#sources
      const read = () => (path === '-' ? readSecrets(claimStdin(option), option) : readSecretFile(path, option, warn))
      file = new SecretFile(read, option)
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
