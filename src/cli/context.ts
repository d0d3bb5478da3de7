// The context of every command: its options, its output, its secrets, and the card, which is closed on every way out.
import { fstatSync } from 'node:fs'
import { UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { ExitCode } from './exit.ts'
import { TEXT } from './messages.ts'
import type { OptionName, Options } from './options.ts'
import type { Output } from './output.ts'
import { Terminal } from './prompt.ts'
import { Secrets } from './secrets.ts'

/** A command, as the table describes it. */
export interface CommandShape {
  /** The command itself: `pin change`. */
  readonly words: string
  /** Positional arguments as commander reads them. */
  readonly args?: string
  readonly options?: readonly OptionName[]
  /** Only about cards in the TPM of this computer: a card in a reader is refused. */
  readonly tpmOnly?: true
}

/** One command. The arguments arrive in the order of its row; the result is the exit code, ok if none. */
export type Run = (context: Context, ...args: string[]) => Promise<ExitCode> | Promise<void>

export class Context {
  readonly options: Options
  readonly out: Output
  readonly secrets: Secrets
  /** Aborted when the user stops the program. */
  readonly signal: AbortSignal
  /** All commands. */
  readonly commands: readonly CommandShape[]
  #terminal: Terminal | undefined
  #stdinReader: string | undefined
  #card: Card | undefined
  readonly #atEnd: Array<() => void> = []

  constructor(options: Options, out: Output, signal: AbortSignal, commands: readonly CommandShape[]) {
    this.options = options
    this.commands = commands
    this.out = out
    this.signal = signal
    this.secrets = new Secrets({
      pinFile: options.pinFile === '-' && process.stdin.isTTY ? undefined : options.pinFile,
      terminal: () => this.terminal(),
      warn: (text) => void out.warn(text),
      claimStdin: (reader) => this.stdin(reader),
    })
  }

  /** The user's terminal, if there is one. */
  terminal(): Terminal | undefined {
    this.#terminal ??= Terminal.open(this.out.watched)
    return this.#terminal
  }

  /**
   * For a command that may ask for a secret: hides what is typed before that. Not if another program may read the
   * terminal, at the other end of a pipe, or this one reads more than secrets from it.
   */
  async hideTyping(args: readonly string[]): Promise<void> {
    const shared = [0, 1].some(isPipe) || [...args, this.options.pinFile].includes('-')
    if (!shared && this.options.pinFile === undefined) await this.terminal()?.hideTyping()
  }

  /** From here on, no secret is asked for, or not soon. */
  showTyping(): void {
    this.#terminal?.showTyping()
  }

  /** Standard input, which has only one reader. @throws UsageError ERR_USAGE if another reader has it */
  stdin(reader: string): AsyncIterable<Uint8Array> {
    if (this.#stdinReader !== undefined) {
      throw new UsageError('ERR_USAGE', TEXT.error.stdinTwice(this.#stdinReader, reader))
    }
    this.#stdinReader = reader
    return process.stdin
  }

  /** Runs `work` with an open card and closes it, whatever happens. */
  async using<Result>(open: Promise<Card>, work: (card: Card) => Promise<Result>): Promise<Result> {
    this.#card = await open
    try {
      this.signal.throwIfAborted()
      return await work(this.#card)
    } finally {
      await this.closeCard()
    }
  }

  async closeCard(): Promise<void> {
    const card = this.#card
    this.#card = undefined
    await card?.close()
  }

  /** Runs `work` when the command ends, however it ends. */
  atEnd(work: () => void): void {
    this.#atEnd.push(work)
  }

  /** Restores the terminal and wipes every secret. */
  close(): void {
    for (const work of this.#atEnd) work()
    this.secrets.wipe()
    this.#terminal?.close()
    this.#terminal = undefined
  }
}

function isPipe(fd: number): boolean {
  try {
    const kind = fstatSync(fd)
    return kind.isFIFO() || kind.isSocket()
  } catch {
    return false
  }
}

/** `values` without undefined members: a missing option is not passed on. */
export function given<Values extends object>(
  values: Values,
): { [Name in keyof Values]?: Exclude<Values[Name], undefined> } {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(kept) as { [Name in keyof Values]?: Exclude<Values[Name], undefined> }
}

/** Continues only if the user confirms, by --yes or by typing yes. @throws UsageError ERR_USAGE */
export async function confirm(context: Context, question: string): Promise<void> {
  if (context.options.yes) return
  const terminal = context.terminal()
  if (terminal === undefined) throw new UsageError('ERR_USAGE', TEXT.error.needsYes(question))
  const answer = await terminal.askLine(TEXT.prompt.yes(question))
  if (answer?.toLowerCase() !== 'yes') throw new UsageError('ERR_USAGE', TEXT.error.notConfirmed)
}

/** The same for an action on one card: the user types its name. @throws UsageError ERR_USAGE */
export async function confirmName(
  context: Context,
  name: string,
  texts: { readonly ask: (name: string) => string; readonly refuse: (name: string) => string },
): Promise<void> {
  if (context.options.yes) return
  const terminal = context.terminal()
  if (terminal === undefined) throw new UsageError('ERR_USAGE', texts.refuse(name))
  const typed = await terminal.askLine(texts.ask(name))
  if (typed !== name) throw new UsageError('ERR_USAGE', TEXT.error.notConfirmed)
}
