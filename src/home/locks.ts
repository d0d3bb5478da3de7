// Locks between processes. The kernel lets go of one when its holder ends, however that happens.
import { setTimeout as delay } from 'node:timers/promises'
import { FileError } from '../errors.ts'
import { fileError } from '../files/faults.ts'
import { type Files, files as systemFiles } from '../files/files.ts'
import { native } from '../native.ts'

export interface FileLock {
  release(): void
}

/**
 * Takes the lock on a file (made with mode 0600 where absent, never removed), or returns null when somebody has it.
 * Never waits. The holder may leave its process id in the file, for messages.
 */
export type LockFile = (path: string) => FileLock | null

/** How long to wait for another process, in milliseconds: longer than any change of a file takes. */
export const LOCK_WAIT = 10_000
const FIRST_PAUSE = 2
const LONGEST_PAUSE = 50

/** Keeps every lock that is held in use: one that the garbage collector took away would be let go of. */
const held = new Set<FileLock>()

export class Locks {
  readonly #files: Files
  readonly #lockFile: LockFile

  constructor(files: Files, lockFile: LockFile) {
    this.#files = files
    this.#lockFile = lockFile
  }

  /** The lock, or null when somebody has it. @throws FileError when the lock file cannot be had at all */
  attempt(path: string): FileLock | null {
    try {
      const lock = this.#lockFile(path)
      if (lock === null) return null
      held.add(lock)
      return {
        release() {
          if (held.delete(lock)) lock.release()
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
      // A little chance keeps several that wait from asking in step.
      await delay(Math.min(left, pause * (0.5 + Math.random())))
    }
    const message = `${await this.holder(path)} has been changing ${what} for more than ${limit / 1000} seconds. Try again; if that does not help, look at what that process does (fuser -v '${path}').`
    throw new FileError('ERR_CARD_BUSY', message, { path })
  }

  /** Who holds the lock, in words, as far as it is known. */
  async holder(path: string): Promise<string> {
    const octets = await this.#files.read(path, 32).catch(() => undefined)
    const [id] = /^[1-9][0-9]{0,9}(?=\n$)/.exec(Buffer.from(octets ?? []).toString('latin1')) ?? []
    return id === undefined ? 'Another process' : `Another process (${id})`
  }
}

/** Locks between the processes of this machine. */
export const processLocks = (files: Files = systemFiles): Locks => new Locks(files, (path) => native().lockFile(path))
