// Questions to the user at the terminal. They use the controlling terminal itself and not standard input and output, so
// that files can be piped through a command that asks for a PIN.
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { copyOf } from '../bytes.ts'
import { type Echo, LineEditor, MOST, type Typed } from './line-editor.ts'
import { TEXT } from './messages.ts'
import { shown } from './plain.ts'

/** Signals that end a process that does not handle them, besides those that program.ts handles: Ctrl-\ and a lost terminal. */
const DEADLY = ['SIGQUIT', 'SIGHUP'] as const

/** Ctrl-C at a prompt: the command ends as by SIGINT. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

export class Terminal {
  readonly #input: ReadStream
  readonly #output: number
  /** Typed before the next question, as when several lines are pasted. */
  #ahead: Uint8Array = new Uint8Array(0)
  /** How many times `quietly` is running. */
  #quiet = 0
  #asked = false
  #restoreEcho: () => void = () => undefined

  private constructor(input: ReadStream, output: number) {
    this.#input = input
    this.#output = output
    input.pause()
  }

  /** The controlling terminal; undefined if this process has none, or nobody watches it (`watched`). */
  static open(watched: boolean): Terminal | undefined {
    if (!watched) return undefined
    try {
      const output = openSync('/dev/tty', 'w')
      try {
        return new Terminal(new ReadStream(openSync('/dev/tty', 'r')), output)
      } catch (error) {
        closeSync(output)
        throw error
      }
    } catch {
      return undefined
    }
  }

  /**
   * Asks once. The typed text is shown only if `echo` says so.
   * @returns the typed text, for the caller to wipe; undefined at Ctrl-D on an empty line
   * @throws Interrupted at Ctrl-C
   */
  async ask(question: string, options: { readonly echo: boolean }): Promise<Uint8Array | undefined> {
    return this.quietly(async () => {
      for (;;) {
        const editor = new LineEditor()
        try {
          this.say(shown(question))
          const typed = await this.#read(editor, options.echo ? this.#echo : undefined)
          this.say('\n')
          if (typed === 'interrupted') throw new Interrupted()
          if (typed === 'ended') return undefined
          if (!editor.overflow) return editor.take()
          this.say(`${TEXT.entryTooLong(MOST)}\n`)
        } finally {
          editor.wipe()
        }
      }
    })
  }

  /**
   * Runs `work`, one question or several, while the terminal itself does not echo. Echo ends before the question is
   * shown, so that early typing is not shown either.
   */
  async quietly<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#quiet++ === 0) this.#input.setRawMode(true)
    try {
      if (!this.#asked) dropTyped()
      this.#asked = true
      return await work()
    } finally {
      if (--this.#quiet === 0) this.#input.setRawMode(false)
    }
  }

  /** Asks for a line that is not secret. */
  async askLine(question: string): Promise<string | undefined> {
    const line = await this.ask(question, { echo: true })
    return line === undefined ? undefined : Buffer.from(line).toString('utf8').trim()
  }

  say(text: string): void {
    writeSync(this.#output, text)
  }

  /**
   * Turns the terminal's echo off until `showTyping` or `close`, for a command that will ask for a secret: what is typed
   * too early is not shown either. Keys such as Ctrl-C and Ctrl-Z work as usual. A signal that ends the process meanwhile
   * turns the echo on first.
   */
  async hideTyping(): Promise<void> {
    const { setTerminalEcho } = await import('../terminal.ts')
    if (!setTerminalEcho(this.#output, false)) return
    for (const signal of DEADLY) process.once(signal, this.#onDeadly)
    this.#restoreEcho = () => {
      for (const signal of DEADLY) process.off(signal, this.#onDeadly)
      setTerminalEcho(this.#output, true)
    }
  }

  /** Turns the echo on again, if `hideTyping` turned it off. */
  showTyping(): void {
    this.#restoreEcho()
    this.#restoreEcho = () => undefined
  }

  readonly #onDeadly = (signal: NodeJS.Signals): void => {
    // A question may be open.
    this.#input.setRawMode(false)
    this.showTyping()
    process.kill(process.pid, signal)
  }

  close(): void {
    this.showTyping()
    this.#ahead.fill(0)
    this.#input.destroy()
    closeSync(this.#output)
  }

  async #read(editor: LineEditor, echo: Echo | undefined): Promise<Typed> {
    const before = this.#ahead
    this.#ahead = new Uint8Array(0)
    const typed = this.#feed(editor, before, echo)
    if (typed !== 'more') return typed
    try {
      return await this.#listen(editor, echo)
    } finally {
      this.#input.pause()
    }
  }

  #listen(editor: LineEditor, echo: Echo | undefined): Promise<Typed> {
    return new Promise<Typed>((resolve, reject) => {
      const settle = (typed: Typed) => {
        this.#input.off('data', onData).off('end', onEnd).off('error', onError)
        resolve(typed)
      }
      const onData = (chunk: Uint8Array) => {
        const typed = this.#feed(editor, chunk, echo)
        if (typed !== 'more') settle(typed)
      }
      const onEnd = () => settle('ended')
      const onError = (error: Error) => {
        settle('ended')
        reject(error)
      }
      this.#input.on('data', onData).on('end', onEnd).on('error', onError).resume()
    })
  }

  /** Feeds octets until the line ends, keeps the rest for the next question, wipes the chunk. */
  #feed(editor: LineEditor, chunk: Uint8Array, echo: Echo | undefined): Typed {
    let typed: Typed = 'more'
    let used = 0
    while (typed === 'more' && used < chunk.length) typed = editor.push(chunk[used++] ?? 0, echo)
    this.#ahead = copyOf(chunk.subarray(used))
    chunk.fill(0)
    return typed
  }

  readonly #echo: Echo = (what) => {
    if ('octet' in what) writeSync(this.#output, Uint8Array.of(what.octet))
    else this.say(['\b', ' ', '\b'].map((one) => one.repeat(what.erased)).join(''))
  }
}

/** Text typed before the first question is dropped: it may be meant for another window, or for another program. */
function dropTyped(): void {
  const typed = openSync('/dev/tty', constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  const octets = new Uint8Array(MOST)
  try {
    while (readSync(typed, octets) > 0) octets.fill(0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
  } finally {
    octets.fill(0)
    closeSync(typed)
  }
}
