/**
 * Records a creation or a destruction on disk before its first TPM command, so that the next start can clean up after a
 * crash. The process has a lock while it works: a journal whose lock is free was left over.
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { type AnyCardError, FileError, isCardError } from '../../errors.ts'
import { type Files, files as systemFiles } from '../../files/files.ts'
import { decode, octets, text } from '../../files/schema.ts'
import { damaged, type Kind, seal } from '../../files/sealed-text.ts'
import { Home } from '../../home/home.ts'
import { type FileLock, type LockFile, Locks } from '../../home/locks.ts'
import { cardName, nvHandle, tpmName } from './schema.ts'

const JOURNAL: Kind = {
  magic: 'tessera-journal',
  version: 1,
  noun: 'journal of an interrupted creation or destruction',
  advice: 'What was begun in the TPM is no longer known. Move the file away to go on.',
}
const JOURNAL_LIMIT = 65_536

/** An NV index: its handle, and its Names before and after the first write. */
const index = v.strictObject({ handle: nvHandle, names: v.strictTuple([tpmName, tpmName]) })

const schema = v.strictObject({
  kind: v.picklist(['create', 'destroy']),
  name: cardName,
  cardId: octets(16),
  tcti: text(1, 1024),
  srkName: tpmName,
  pin: index,
  puk: index,
})

export type JournalEntry = v.InferOutput<typeof schema>

/** An entry that is on disk and owned by this process. Always end it in one of the two ways. */
export interface OpenJournal {
  /** Replaces the entry by another (an NV handle turned out to be taken). */
  replace(entry: JournalEntry): Promise<void>
  /** The work is done or undone: the journal goes, then the lock. */
  end(): Promise<void>
  /** The work could be neither done nor undone: the journal stays for the next start. */
  leave(): void
}

/** A journal whose process is gone. `error`: it cannot be read, or it could not be cleaned up. */
export type LeftJournal =
  | { readonly name: string; readonly path: string; readonly entry: JournalEntry; readonly error?: unknown }
  | { readonly name: string; readonly path: string; readonly error: AnyCardError }

export interface JournalOptions {
  readonly lockFile: LockFile
  readonly home?: Home
  readonly files?: Files
}

export class Journal {
  readonly #home: Home
  readonly #files: Files
  readonly #locks: Locks

  constructor(options: JournalOptions) {
    this.#home = options.home ?? new Home()
    this.#files = options.files ?? systemFiles
    this.#locks = new Locks(this.#files, options.lockFile)
  }

  /**
   * Puts `entry` on disk; when this returns it is durable.
   * @throws FileError ERR_CARD_BUSY when another process creates or destroys a card of this name, or when the journal
   * of an earlier one is still there (`recover` first); other FileErrors
   */
  async begin(entry: JournalEntry): Promise<OpenJournal> {
    const path = this.#home.of(entry.name, 'journal')
    await this.#files.makeFolder(this.#home.cards)
    const lock = await this.#claim(entry.name, path)
    try {
      await this.#write(path, entry)
    } catch (cause) {
      lock.release()
      throw cause
    }
    return this.#opened(path, lock)
  }

  /** Runs `work` while no process creates or destroys a card of this name. @throws FileError ERR_CARD_BUSY as `begin` */
  async whileIdle<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const lock = await this.#claim(name, this.#home.of(name, 'journal'))
    try {
      return await work()
    } finally {
      lock.release()
    }
  }

  /** Removes a leftover journal without acting on it. @throws FileError ERR_CARD_BUSY while a process owns it */
  async discard(name: string): Promise<void> {
    const [path, lockPath] = [this.#home.of(name, 'journal'), this.#home.of(name, 'journalLock')]
    if (!(await this.#files.exists(path))) return
    const lock = this.#locks.attempt(lockPath)
    if (lock === null) throw busy(name, await this.#locks.holder(lockPath), path)
    await this.#files.remove(path).finally(() => lock.release())
  }

  /** Leftover journals, without acting on them. Those that a process is working on are not included. */
  pending(): Promise<LeftJournal[]> {
    return this.#eachLeft(async () => undefined)
  }

  /**
   * Passes each leftover journal to `clean`, with its lock taken. The journal is removed when `clean` returns true, and
   * stays when it returns false or throws. Returns the journals that stay, with the reason where there is one.
   */
  recover(clean: (entry: JournalEntry) => Promise<boolean>): Promise<LeftJournal[]> {
    return this.#eachLeft(async (entry, path) => {
      if (!(await clean(entry))) return undefined
      await this.#files.remove(path)
      return 'removed'
    })
  }

  async #claim(name: string, path: string): Promise<FileLock> {
    const lockPath = this.#home.of(name, 'journalLock')
    const lock = this.#locks.attempt(lockPath)
    if (lock === null) throw busy(name, await this.#locks.holder(lockPath), path)
    try {
      if (await this.#files.exists(path)) throw unfinished(name, path)
      return lock
    } catch (cause) {
      lock.release()
      throw cause
    }
  }

  #opened(path: string, lock: FileLock): OpenJournal {
    return {
      replace: (entry) => this.#write(path, entry),
      end: async () => {
        try {
          await this.#files.remove(path)
        } finally {
          lock.release()
        }
      },
      leave: () => lock.release(),
    }
  }

  #write(path: string, entry: JournalEntry): Promise<void> {
    const octets = seal(JOURNAL, entry)
    decode(JOURNAL, schema, octets, path)
    return this.#files.writeAtomic(path, octets)
  }

  async #eachLeft(work: (entry: JournalEntry, path: string) => Promise<'removed' | undefined>): Promise<LeftJournal[]> {
    const left: LeftJournal[] = []
    for (const name of this.#home.namesOf('journal', await this.#files.list(this.#home.cards))) {
      const journal = await this.#left(name, work)
      if (journal !== undefined) left.push(journal)
    }
    return left
  }

  async #left(
    name: string,
    work: (entry: JournalEntry, path: string) => Promise<'removed' | undefined>,
  ): Promise<LeftJournal | undefined> {
    const path = join(this.#home.cards, `${name}.journal`)
    let lock: FileLock | null = null
    try {
      lock = this.#locks.attempt(this.#home.of(name, 'journalLock'))
      if (lock === null) return undefined
      const entry = await this.#read(name, path)
      if (entry === undefined) return undefined
      try {
        return (await work(entry, path)) === 'removed' ? undefined : { name, path, entry }
      } catch (error) {
        return { name, path, entry, error }
      }
    } catch (error) {
      if (!isCardError(error)) throw error
      return { name, path, error }
    } finally {
      lock?.release()
    }
  }

  /** Undefined when its process ended it a moment ago. */
  async #read(name: string, path: string): Promise<JournalEntry | undefined> {
    const octets = await this.#files.read(path, JOURNAL_LIMIT)
    if (octets === undefined) return undefined
    const entry = decode(JOURNAL, schema, octets, path)
    if (entry.name !== name) throw damaged(JOURNAL, path, `it is about the card '${entry.name}'`)
    return entry
  }
}

function busy(name: string, holder: string, path: string): FileError {
  const message = `${holder} is creating or destroying the card '${name}'. Wait until it ends, then try again.`
  return new FileError('ERR_CARD_BUSY', message, { path })
}

function unfinished(name: string, path: string): FileError {
  const message = `An earlier creation or destruction of the card '${name}' was interrupted and is not cleaned up (${path}). Make its TPM reachable, open a card there (tessera pin status) and try again.`
  return new FileError('ERR_CARD_BUSY', message, { path })
}
