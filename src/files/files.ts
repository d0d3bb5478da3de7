/**
 * The only access to Tessera's own files: every open, read, write, rename and unlink goes through `Files`, and `Files`
 * uses only the `FileSteps` below it. Tests and fault campaigns wrap either.
 */
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { FileError } from '../errors.ts'
import { errnoOf, fileError } from './faults.ts'
import { absent, type FileSteps, type Handle, systemSteps } from './steps.ts'

export interface Files {
  /** The content of a regular file; undefined if there is none. @throws FileError, also for more than `limit` octets */
  read(path: string, limit: number): Promise<Uint8Array | undefined>
  /**
   * Replaces the whole file, or leaves it as it was: writes beside it, flushes, renames, flushes the folder. The caller
   * has the lock of `path`; leftovers of an earlier crash are removed first.
   */
  writeAtomic(path: string, octets: Uint8Array): Promise<void>
  /**
   * Makes a new file, whole or not at all, without a lock: if several try at once, one succeeds. Returns false if the
   * name is taken.
   */
  create(path: string, octets: Uint8Array): Promise<boolean>
  /** Removes the file for good (the folder is flushed). Returns false if there was none. */
  remove(path: string): Promise<boolean>
  exists(path: string): Promise<boolean>
  /** Names in a folder, sorted; none if there is no folder. */
  list(folder: string): Promise<string[]>
  makeFolder(folder: string): Promise<void>
}

/** The name of a file while it is being written. No other file of Tessera ends like this. */
export const temporary = (path: string): string => `${path}-tmp`

async function readWhole(file: Handle, path: string, limit: number): Promise<Uint8Array> {
  const { regular, size } = await file.facts()
  if (!regular) throw new FileError('ERR_IO', `${path} is not a regular file. Move it away.`, { path })
  if (size > limit) {
    const message = `${path} is ${size} octets long, more than the ${limit} allowed, so Tessera did not write it. Move it away.`
    throw new FileError('ERR_CARD_FILE', message, { path })
  }
  const buffer = new Uint8Array(size)
  return buffer.subarray(0, await file.read(buffer))
}

async function writeNew(steps: FileSteps, path: string, octets: Uint8Array): Promise<void> {
  // The caller has the lock, so a file of this name is a leftover. Of a symbolic link only the link is removed.
  await steps.unlink(path).catch(absent(undefined))
  const file = await steps.openNew(path)
  try {
    await file.write(octets)
    await file.sync()
  } catch (cause) {
    await file.close().catch(() => undefined)
    throw cause
  }
  await file.close()
}

function taken(cause: unknown): false {
  if (errnoOf(cause) === 'EEXIST') return false
  throw cause
}

/** Flushes every folder that got a new entry from `makeFolder`, from `folder` up to the parent of `first`. */
async function syncMade(steps: FileSteps, first: string, folder: string): Promise<void> {
  for (let made = folder; made.length >= first.length; made = dirname(made)) await steps.syncFolder(dirname(made))
}

/** Files over `steps`, with errors in words. */
export function filesOver(steps: FileSteps = systemSteps): Files {
  return {
    async read(path, limit) {
      try {
        const file = await steps.openRead(path).catch(absent(undefined))
        if (file === undefined) return undefined
        return await readWhole(file, path, limit).finally(() => file.close())
      } catch (cause) {
        throw fileError(cause, 'read', path)
      }
    },

    async writeAtomic(path, octets) {
      const beside = temporary(path)
      try {
        await writeNew(steps, beside, octets)
        await steps.rename(beside, path)
      } catch (cause) {
        await steps.unlink(beside).catch(() => undefined)
        throw fileError(cause, 'write', path)
      }
      await steps.syncFolder(dirname(path)).catch((cause) => {
        throw fileError(cause, 'flush', path)
      })
    },

    async create(path, octets) {
      const beside = temporary(`${path}-${randomBytes(6).toString('hex')}`)
      try {
        await writeNew(steps, beside, octets)
        if (!(await steps.link(beside, path).then(() => true, taken))) return false
      } catch (cause) {
        throw fileError(cause, 'write', path)
      } finally {
        await steps.unlink(beside).catch(() => undefined)
      }
      await steps.syncFolder(dirname(path)).catch((cause) => {
        throw fileError(cause, 'flush', path)
      })
      return true
    },

    async remove(path) {
      try {
        await steps.unlink(temporary(path)).catch(absent(undefined))
        const was = await steps.unlink(path).then(() => true, absent(false))
        if (was) await steps.syncFolder(dirname(path))
        return was
      } catch (cause) {
        throw fileError(cause, 'remove', path)
      }
    },

    async exists(path) {
      try {
        return await steps.exists(path)
      } catch (cause) {
        throw fileError(cause, 'read', path)
      }
    },

    async list(folder) {
      try {
        return (await steps.names(folder).catch(absent<string[]>([]))).sort()
      } catch (cause) {
        throw fileError(cause, 'read', folder)
      }
    },

    async makeFolder(folder) {
      try {
        const first = await steps.makeFolder(folder)
        if (first !== undefined) await syncMade(steps, first, folder)
      } catch (cause) {
        throw fileError(cause, 'make', folder)
      }
    },
  }
}

export const files: Files = filesOver()
