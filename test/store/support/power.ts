/**
 * A disk that loses power. Content that was not flushed may be whole, cut short or missing; changes of the folder that
 * were not flushed may each have reached the disk or not, in any combination.
 */
import type { FileSteps, Handle } from '../../../src/files/steps.ts'
import { systemError } from './steps.ts'

interface Inode {
  content: Uint8Array
  flushed: boolean
}
type Entries = Map<string, Inode>
type Change = (entries: Entries) => void

export class PowerDisk {
  #durable: Entries = new Map()
  #pending: Change[] = []

  #entries(changes: readonly Change[] = this.#pending): Entries {
    const entries = new Map(this.#durable)
    for (const change of changes) change(entries)
    return entries
  }

  /** What may be found under `path` after a loss of power now: every possible content, undefined for no file. */
  *afterLoss(path: string): Generator<Uint8Array | undefined> {
    for (let subset = 0; subset < 1 << this.#pending.length; subset++) {
      const inode = this.#entries(this.#pending.filter((_, at) => (subset >> at) & 1)).get(path)
      yield inode?.content
      if (inode === undefined || inode.flushed) continue
      yield inode.content.subarray(0, inode.content.length >> 1)
      yield new Uint8Array()
    }
  }

  /** The content now, for who asks without a loss of power. */
  now(path: string): Uint8Array | undefined {
    return this.#entries().get(path)?.content
  }

  #get(path: string): Inode {
    const inode = this.#entries().get(path)
    if (inode === undefined) throw systemError('ENOENT')
    return inode
  }

  readonly steps: FileSteps = {
    openRead: async (path) => this.#handle(this.#get(path)),
    openNew: async (path) => {
      if (this.#entries().has(path)) throw systemError('EEXIST')
      const inode = { content: new Uint8Array(), flushed: false }
      this.#pending.push((entries) => entries.set(path, inode))
      return this.#handle(inode)
    },
    rename: async (from, to) => {
      const inode = this.#get(from)
      this.#pending.push((entries) => {
        if (entries.get(from) === inode) entries.delete(from)
        entries.set(to, inode)
      })
    },
    link: async (from, to) => {
      const inode = this.#get(from)
      if (this.#entries().has(to)) throw systemError('EEXIST')
      this.#pending.push((entries) => entries.set(to, inode))
    },
    unlink: async (path) => {
      this.#get(path)
      this.#pending.push((entries) => entries.delete(path))
    },
    exists: async (path) => this.#entries().has(path),
    names: async (folder) => [...this.#entries().keys()].map((path) => path.slice(folder.length + 1)),
    makeFolder: async () => undefined,
    syncFolder: async () => {
      this.#durable = this.#entries()
      this.#pending = []
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
