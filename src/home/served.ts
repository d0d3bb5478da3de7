// Which cards are being served to PC/SC. Another process that needs their TPM can then say where the card is.
import { FileError } from '../errors.ts'
import { type Files, files as systemFiles } from '../files/files.ts'
import { integer, text } from '../files/schema.ts'
import { CARD_NAME, checkCardName, Home } from './home.ts'
import { type FileLock, type LockFile, Locks } from './locks.ts'
import { type MarkOf, Marks } from './marks.ts'

export const SERVED = {
  mark: '.json',
  lock: '.json-lock',
  beside: [],
  entries: {
    pid: integer(1, 0x7fff_ffff),
    /** How it gets into PC/SC: `vpcd 127.0.0.1:35963`. */
    way: text(1, 256),
  },
} as const

/** Suffix of the lock that is taken while the card is in its reader. */
const SHOWN = '.shown-lock'
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1000

export interface ServedCard extends Readonly<MarkOf<typeof SERVED.entries>> {
  readonly name: string
}

export class ServedCards {
  readonly #marks: Marks<typeof SERVED.entries>
  readonly #locks: Locks

  constructor(options: { readonly lockFile: LockFile; readonly home?: Home; readonly files?: Files }) {
    const { lockFile, home = new Home(), files = systemFiles } = options
    this.#locks = new Locks(files, lockFile)
    this.#marks = new Marks(SERVED, home.run, files, this.#locks)
  }

  /** Marks a card as served by this process, until the returned function is called. @throws FileError ERR_CARD_BUSY */
  async begin(name: string, way: string): Promise<() => Promise<void>> {
    const holder = await this.#marks.begin(checkCardName(name))
    if (holder === undefined) {
      const message = `${await this.#marks.holder(name)} serves card '${name}' already. Stop it first.`
      throw new FileError('ERR_CARD_BUSY', message, { path: this.#marks.path(name) })
    }
    try {
      await holder.write({ pid: process.pid, way })
    } catch (error) {
      await holder.end().catch(() => undefined)
      throw error
    }
    return () => holder.end()
  }

  /**
   * Tells other processes whether a card that this process serves is in its reader: only then can a reader that shows
   * its GUID be believed. If the home cannot be written to, they are not told until it can.
   */
  showing(name: string): (now: boolean) => void {
    let lock: FileLock | null = null
    let again: NodeJS.Timeout | undefined
    const show = (pause: number) => {
      lock ??= this.#show(name)
      if (lock !== null) return
      // Another process asks at this very moment whether it is taken, or the home cannot be written to for now.
      again = setTimeout(show, pause, Math.min(pause * 2, LONGEST_PAUSE_MS)).unref()
    }
    return (now) => {
      clearTimeout(again)
      if (now) return show(FIRST_PAUSE_MS)
      lock?.release()
      lock = null
    }
  }

  #show(name: string): FileLock | null {
    try {
      return this.#locks.attempt(this.#shownLock(name))
    } catch {
      return null
    }
  }

  #shownLock(name: string): string {
    return this.#marks.path(checkCardName(name), SHOWN)
  }

  /** Whether a served card is in its reader now; false if that cannot be determined. */
  isShown(name: string): boolean {
    try {
      return this.#locks.isTaken(this.#shownLock(name))
    } catch {
      return false
    }
  }

  /** The names of the served cards that are in their readers now. */
  async shown(): Promise<string[]> {
    const names = await this.#marks.names().catch(() => [])
    return names.filter((name) => this.isShown(name))
  }

  /** What other processes serve now. Unreadable marks are left out: the list is only for messages. */
  async elsewhere(): Promise<ServedCard[]> {
    const names = (await this.#marks.names().catch(() => [])).filter((name) => CARD_NAME.test(name))
    const found = await Promise.all(
      names.map(async (name) => {
        const mark = await this.#marks.find(name).catch(() => undefined)
        return mark === undefined || mark.pid === process.pid ? [] : [{ name, ...mark }]
      }),
    )
    return found.flat()
  }
}
