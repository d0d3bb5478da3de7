// Temporary directories, bounded waits and processes: what every test needs and must not leave behind.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const cleanups = new Set<() => void>()
let armed = false

/** Runs `work` when this process ends, also on SIGINT and SIGTERM. Returns a function that forgets it. */
export function atExit(work: () => void): () => void {
  if (!armed) {
    armed = true
    process.on('exit', () => {
      for (const cleanup of cleanups) cleanup()
    })
    process.on('SIGINT', () => process.exit(130))
    process.on('SIGTERM', () => process.exit(143))
  }
  cleanups.add(work)
  return () => cleanups.delete(work)
}

/** A new empty directory in `parent`, mode 0700, removed when the process ends. Short, since Unix socket paths are. */
export function tempDir(name = 't', parent = tmpdir()): string {
  const path = mkdtempSync(join(parent, `tessera-${name}-`))
  atExit(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** `promise`, or an error that names `what` after `ms`. Also keeps the event loop alive until then. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing for ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}

/** True when no such process runs any more (a zombie does not run). */
export function gone(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z'
  } catch {
    return true
  }
}

/** A promise with its handles outside, for tests that hold something up and let it go. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void; fail: (error: Error) => void } {
  let open: (value: T) => void = () => {}
  let fail: (error: Error) => void = () => {}
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}
