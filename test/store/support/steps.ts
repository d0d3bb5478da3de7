// Fault injection under `Files`: steps that fail or stop where a test says so, and locks inside one process.

import { type FileSteps, type Handle, systemSteps } from '../../../src/files/steps.ts'
import type { FileLock, LockFile } from '../../../src/home/locks.ts'

/** As Node's: an Error with an errno name. */
export const systemError = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code })

/** Called with the name of each step before it is made; may throw. */
export type Watch = (step: string, path: string) => void

/** `steps` with `watch` called before every one of them, those on open files included. */
export function watched(watch: Watch, steps: FileSteps = systemSteps): FileSteps {
  const seen = <Arguments extends [string, ...unknown[]], Result>(
    name: string,
    step: (...values: Arguments) => Promise<Result>,
  ) => {
    return async (...values: Arguments): Promise<Result> => {
      watch(name, values[0])
      return step(...values)
    }
  }
  const handle = (file: Handle, path: string): Handle => ({
    facts: () => seen('facts', () => file.facts())(path),
    read: (buffer) => seen('read', () => file.read(buffer))(path),
    write: (octets) => seen('write', () => file.write(octets))(path),
    sync: () => seen('sync', () => file.sync())(path),
    // As the system does it: whatever close answers, the file is closed.
    close: () => file.close().then(() => seen('close', async () => undefined)(path)),
  })
  return {
    openRead: seen('openRead', async (path: string) => handle(await steps.openRead(path), path)),
    openNew: seen('openNew', async (path: string) => handle(await steps.openNew(path), path)),
    rename: seen('rename', steps.rename),
    link: seen('link', steps.link),
    unlink: seen('unlink', steps.unlink),
    exists: seen('exists', steps.exists),
    names: seen('names', steps.names),
    makeFolder: seen('makeFolder', steps.makeFolder),
    syncFolder: seen('syncFolder', steps.syncFolder),
  }
}

/** Fails step number `at` (from 0) with `code`; with `onwards` also every later one, as if the process had died. */
export function failing(at: number, code: string, onwards: boolean): { watch: Watch; readonly reached: () => boolean } {
  let count = 0
  return {
    watch() {
      const now = count++
      if (now === at || (onwards && now > at)) throw systemError(code)
    },
    reached: () => count > at,
  }
}

/** A lock function for one process. `held`: paths that are locked. */
export function memoryLocks(): { readonly lockFile: LockFile; readonly held: Set<string> } {
  const held = new Set<string>()
  const lockFile = (path: string): FileLock | null => {
    if (held.has(path)) return null
    held.add(path)
    return { release: () => held.delete(path) }
  }
  return { lockFile, held }
}
