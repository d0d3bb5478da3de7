/**
 * Marks of what is going on now, in the folder `run` of a home: a card is served, a user is signed in. Each mark has a
 * lock beside it, which the kernel releases when the process ends. A mark with a free lock was left behind by a killed
 * process, and means nothing. Processes are never looked up by their id.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import * as v from 'valibot'
import type { Files } from '../files/files.ts'
import type { FileLock, Locks } from './locks.ts'

export interface MarkKind<Entries extends v.ObjectEntries> {
  /** Suffixes of the file, of its lock, and of other files that come and go with it. */
  readonly mark: string
  readonly lock: string
  readonly beside: readonly string[]
  /** What a mark says. */
  readonly entries: Entries
}

export type MarkOf<Entries extends v.ObjectEntries> = v.InferOutput<v.StrictObjectSchema<Entries, undefined>>

/** A mark with its lock, which this process has taken. */
export interface MarkHolder<Mark> {
  write(mark: Mark): Promise<void>
  /** Removes the mark and releases the lock. `forget` removes the locked file too. */
  end(options?: { readonly forget: boolean }): Promise<void>
}

const LIMIT = 4096
/** Another process takes the lock for a moment while it checks whether a mark is valid, so taking it is tried again. */
const TRIES = 5
const PAUSE_MS = 20

export class Marks<Entries extends v.ObjectEntries> {
  readonly #kind: MarkKind<Entries>
  readonly #folder: string
  readonly #files: Files
  readonly #locks: Locks

  constructor(kind: MarkKind<Entries>, folder: string, files: Files, locks: Locks) {
    this.#kind = kind
    this.#folder = folder
    this.#files = files
    this.#locks = locks
  }

  path(name: string, suffix = this.#kind.mark): string {
    return join(this.#folder, name + suffix)
  }

  /**
   * Takes the lock, and removes what a killed process left behind. Undefined if the lock is taken. @throws FileError
   */
  async begin(name: string): Promise<MarkHolder<MarkOf<Entries>> | undefined> {
    await this.#files.makeFolder(this.#folder)
    const lock = await this.#lock(name)
    if (lock === undefined) return undefined
    await this.#remove(name).catch((error: unknown) => {
      lock.release()
      throw error
    })
    let over = false
    return {
      write: async (mark) => {
        const text = `${JSON.stringify({ version: 1, ...mark })}\n`
        if (!over) await this.#files.writeAtomic(this.path(name), Buffer.from(text))
      },
      end: async ({ forget } = { forget: false }) => {
        if (over) return
        over = true
        await this.#remove(name, forget ? [this.#kind.lock] : []).finally(() => lock.release())
      },
    }
  }

  /** The process that has the lock, in words. */
  holder(name: string): Promise<string> {
    return this.#locks.holder(this.path(name, this.#kind.lock))
  }

  /** Reads a mark, valid or not. Undefined if it cannot be read. */
  async read(name: string): Promise<MarkOf<Entries> | undefined> {
    const octets = await this.#files.read(this.path(name), LIMIT).catch(() => undefined)
    if (octets === undefined) return undefined
    const { version, ...rest } = objectIn(octets)
    const parsed = v.safeParse(v.strictObject(this.#kind.entries), rest)
    return version === 1 && parsed.success ? parsed.output : undefined
  }

  /** Reads a mark if its process is still running. @throws FileError when its lock file cannot be opened */
  async find(name: string): Promise<MarkOf<Entries> | undefined> {
    const mark = await this.read(name)
    if (mark === undefined) return undefined
    return this.#locks.isTaken(this.path(name, this.#kind.lock)) ? mark : undefined
  }

  /** Removes a mark that a killed process left behind, and the files that belong to it. @throws FileError */
  async removeLeftBehind(name: string): Promise<void> {
    if (!(await this.#files.exists(this.path(name)))) return
    const lock = this.#locks.attempt(this.path(name, this.#kind.lock))
    if (lock !== null) await this.#remove(name).finally(() => lock.release())
  }

  /** The names of all marks. Hidden files are skipped. @throws FileError */
  async names(): Promise<string[]> {
    const { mark } = this.#kind
    const files = (await this.#files.list(this.#folder)).filter((file) => file.endsWith(mark) && !file.startsWith('.'))
    return files.map((file) => file.slice(0, -mark.length))
  }

  async #lock(name: string): Promise<FileLock | undefined> {
    const path = this.path(name, this.#kind.lock)
    for (let tries = 0; tries < TRIES; tries += 1) {
      const lock = this.#locks.attempt(path)
      if (lock !== null && (await this.#isStillThere(path))) return lock
      lock?.release()
      await delay(PAUSE_MS)
    }
    return undefined
  }

  /** Whether the locked file is still the one at the path: `forget` removes it, and the next process makes another. */
  async #isStillThere(path: string): Promise<boolean> {
    const octets = await this.#files.read(path, LIMIT)
    const text = octets && Buffer.from(octets).toString('latin1')
    // The file is empty if the disk was full.
    return text === `${process.pid}\n` || text === ''
  }

  async #remove(name: string, more: readonly string[] = []): Promise<void> {
    const { mark, beside } = this.#kind
    for (const suffix of [mark, ...beside, ...more]) await this.#files.remove(this.path(name, suffix))
  }
}

function objectIn(octets: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(Buffer.from(octets).toString('utf8')) }
  } catch {
    return {}
  }
}
