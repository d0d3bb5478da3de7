/**
 * A disk that loses power. Content that was not flushed may be whole, cut at a sector, followed by zeros, or missing;
 * changes of a folder that were not flushed may each have reached the disk or not, in any combination.
 */
import { dirname } from 'node:path'
import type { FileSteps, Handle } from '../../../src/files/steps.ts'
import { systemError } from './steps.ts'

/** What a disk writes at once. */
const SECTOR = 512

interface Inode {
  content: Uint8Array
  flushed: boolean
}
type Entry = Inode | 'folder'
type Entries = Map<string, Entry>
interface Change {
  /** The folder whose list of names this changes. */
  readonly folder: string
  readonly apply: (entries: Entries) => void
}
/** Files by their paths. */
export type DiskContent = ReadonlyMap<string, Uint8Array>

export class PowerDisk {
  #durable: Entries = new Map()
  #pending: Change[] = []
  /** Every folder that was made here; those that were not are taken to be there. */
  readonly #made = new Set<string>()

  /** @param content what is on the disk for good; its folders are there */
  constructor(content: DiskContent = new Map()) {
    for (const [path, octets] of content) this.#durable.set(path, { content: octets, flushed: true })
  }

  #entries(changes: readonly Change[] = this.#pending): Entries {
    const entries = new Map(this.#durable)
    for (const { apply } of changes) apply(entries)
    return entries
  }

  /** Whether each folder above a path that was made here is among the entries. */
  #isReached(path: string, entries: Entries): boolean {
    for (let folder = dirname(path); dirname(folder) !== folder; folder = dirname(folder))
      if (this.#made.has(folder) && entries.get(folder) !== 'folder') return false
    return true
  }

  /** Every list of names that a loss of power now can leave. */
  *#lists(): Generator<Map<string, Inode>> {
    for (let subset = 0; subset < 1 << this.#pending.length; subset++) {
      const entries = this.#entries(this.#pending.filter((_, at) => (subset >> at) & 1))
      yield new Map(
        [...entries].flatMap(([path, entry]) =>
          entry !== 'folder' && this.#isReached(path, entries) ? [[path, entry] as const] : [],
        ),
      )
    }
  }

  /** What may be found under `path` after a loss of power now: every possible content, undefined for no file. */
  *afterLoss(path: string): Generator<Uint8Array | undefined> {
    for (const list of this.#lists()) {
      const inode = list.get(path)
      if (inode === undefined) yield undefined
      else yield* contents(inode)
    }
  }

  /** Every disk that a loss of power now can leave; the same one may come more than once. */
  *disksAfterLoss(): Generator<DiskContent> {
    for (const list of this.#lists()) yield* combined([...list])
  }

  /** The content now, for who asks without a loss of power. */
  now(path: string): Uint8Array | undefined {
    const entry = this.#entries().get(path)
    return entry === 'folder' ? undefined : entry?.content
  }

  #get(path: string): Inode {
    const inode = this.#entries().get(path)
    if (inode === undefined || inode === 'folder') throw systemError('ENOENT')
    return inode
  }

  #change(path: string, apply: Change['apply']): void {
    this.#pending.push({ folder: dirname(path), apply })
  }

  readonly steps: FileSteps = {
    openRead: async (path) => this.#handle(this.#get(path)),
    openNew: async (path) => {
      if (this.#entries().has(path)) throw systemError('EEXIST')
      const inode = { content: new Uint8Array(), flushed: false }
      this.#change(path, (entries) => entries.set(path, inode))
      return this.#handle(inode)
    },
    rename: async (from, to) => {
      const inode = this.#get(from)
      this.#change(to, (entries) => {
        if (entries.get(from) === inode) entries.delete(from)
        entries.set(to, inode)
      })
    },
    link: async (from, to) => {
      const inode = this.#get(from)
      if (this.#entries().has(to)) throw systemError('EEXIST')
      this.#change(to, (entries) => entries.set(to, inode))
    },
    unlink: async (path) => {
      this.#get(path)
      this.#change(path, (entries) => entries.delete(path))
    },
    exists: async (path) => this.#entries().has(path),
    names: async (folder) =>
      [...this.#entries().keys()]
        .filter((path) => dirname(path) === folder)
        .map((path) => path.slice(folder.length + 1)),
    makeFolder: async (folder) => {
      const entries = this.#entries()
      const there = new Set([...entries.keys()].flatMap((path) => above(path)))
      const missing = [...above(folder), folder].filter((one) => !there.has(one) && !entries.has(one))
      for (const one of missing) {
        this.#made.add(one)
        this.#change(one, (changed) => changed.set(one, 'folder'))
      }
      return missing[0]
    },
    syncFolder: async (folder) => {
      const flushed = this.#pending.filter((change) => change.folder === folder)
      this.#pending = this.#pending.filter((change) => change.folder !== folder)
      this.#durable = new Map(this.#durable)
      for (const { apply } of flushed) apply(this.#durable)
    },
  }

  #handle(inode: Inode): Handle {
    return {
      facts: async () => ({ regular: true, size: inode.content.length }),
      read: async (buffer) => {
        buffer.set(inode.content)
        return inode.content.length
      },
      write: async (octets) => {
        inode.content = Uint8Array.from(octets)
        inode.flushed = false
      },
      sync: async () => {
        inode.flushed = true
      },
      close: async () => undefined,
    }
  }
}

/** The folders above a path, the highest first, without the root. */
function above(path: string): string[] {
  const folders: string[] = []
  for (let folder = dirname(path); dirname(folder) !== folder; folder = dirname(folder)) folders.unshift(folder)
  return folders
}

/** What of a file may be on the disk. */
function* contents({ content, flushed }: Inode): Generator<Uint8Array> {
  yield content
  if (flushed) return
  for (let length = 0; length < content.length; length += SECTOR) {
    yield content.subarray(0, length)
    // The length of a file may reach the disk before its content.
    const zeros = new Uint8Array(content.length)
    zeros.set(content.subarray(0, length))
    yield zeros
  }
}

function* combined(list: ReadonlyArray<readonly [string, Inode]>): Generator<Map<string, Uint8Array>> {
  const [first, ...rest] = list
  if (first === undefined) {
    yield new Map()
    return
  }
  const [path, inode] = first
  for (const below of combined(rest)) for (const content of contents(inode)) yield new Map([[path, content], ...below])
}
