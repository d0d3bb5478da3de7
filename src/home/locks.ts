// Locks between processes. The kernel releases a lock when its process ends, for whatever reason.
import { setTimeout as delay } from 'node:timers/promises'
import { FileError } from '../errors.ts'
import { fileError } from '../files/faults.ts'
import { type Files, files as systemFiles } from '../files/files.ts'
import { native } from '../native.ts'

export interface FileLock {
  release(): void
}

/**
 * Takes the lock on a file, or returns null when it is taken. Never waits. The file is made with mode 0600 if absent,
 * and never removed. The process with the lock may write its id into the file, for messages.
 */
export type LockFile = (path: string) => FileLock | null

/** How long to wait for another process, in milliseconds: longer than any change of a file takes. */
export const LOCK_WAIT = 10_000
const FIRST_PAUSE = 2
const LONGEST_PAUSE = 50

/** Keeps a reference to every lock in use: the garbage collector would release a lock without one. */
const locksInUse = new Set<FileLock>()

export class Locks {
  readonly #files: Files
  readonly #lockFile: LockFile
  readonly #isLocked: (path: string) => boolean

  constructor(files: Files, lockFile: LockFile, isLocked = (path: string) => native().isFileLocked(path)) {
    this.#files = files
    this.#lockFile = lockFile
    this.#isLocked = isLocked
  }

  /** Whether the lock is taken. Processes that only ask see no lock of each other. @throws FileError */
  isTaken(path: string): boolean {
    try {
      return this.#isLocked(path)
    } catch (cause) {
      throw fileError(cause, 'lock', path)
    }
  }

  /** The lock, or null when it is taken. @throws FileError when the lock file cannot be made or opened */
  attempt(path: string): FileLock | null {
    try {
      const lock = this.#lockFile(path)
      if (lock === null) return null
      locksInUse.add(lock)
      return {
        release() {
          if (locksInUse.delete(lock)) lock.release()
        },
      }
    } catch (cause) {
      throw fileError(cause, 'lock', path)
    }
  }

  /** Waits up to `limit` milliseconds. @throws FileError ERR_CARD_BUSY, or as `attempt` */
  async wait(path: string, limit: number, what: string): Promise<FileLock> {
    const deadline = performance.now() + limit
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      const lock = this.attempt(path)
      if (lock !== null) return lock
      const left = deadline - performance.now()
      if (left <= 0) break
      // Random pauses keep several waiting processes from asking in step.
      await delay(Math.min(left, pause * (0.5 + Math.random())))
    }
    const message = `${await this.holder(path)} has been changing ${what} for more than ${limit / 1000} seconds. Try again; if that does not help, look at what that process does (fuser -v '${path}').`
    throw new FileError('ERR_CARD_BUSY', message, { path })
  }

  /** The process that has the lock, in words, as far as it is known. */
  async holder(path: string): Promise<string> {
    const octets = await this.#files.read(path, 32).catch(() => undefined)
    const [id] = /^[1-9][0-9]{0,9}(?=\n$)/.exec(Buffer.from(octets ?? []).toString('latin1')) ?? []
    return id === undefined ? 'Another process' : `Another process (${id})`
  }
}

/** Locks between the processes of this computer. */
export const processLocks = (files: Files = systemFiles): Locks => new Locks(files, (path) => native().lockFile(path))
