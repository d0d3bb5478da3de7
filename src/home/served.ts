/**
 * Marks of the cards that are being served to PC/SC, so that another process that needs their TPM can say where the card
 * is. Who serves a card holds a lock as long as it does: a mark whose lock is free is left over, and means nothing.
 */
import * as v from 'valibot'
import { FileError } from '../errors.ts'
import { type Files, files as systemFiles } from '../files/files.ts'
import { integer, text } from '../files/schema.ts'
import { Home } from './home.ts'
import { type LockFile, Locks } from './locks.ts'

const schema = v.strictObject({
  version: v.literal(1),
  pid: integer(1, 0x7fff_ffff),
  /** How it gets into PC/SC: `vpcd 127.0.0.1:35963`. */
  way: text(1, 256),
})

export interface ServedCard {
  readonly name: string
  readonly pid: number
  readonly way: string
}

const MARK_LIMIT = 4096

export class ServedCards {
  readonly #home: Home
  readonly #files: Files
  readonly #locks: Locks

  constructor(options: { readonly lockFile: LockFile; readonly home?: Home; readonly files?: Files }) {
    this.#home = options.home ?? new Home()
    this.#files = options.files ?? systemFiles
    this.#locks = new Locks(this.#files, options.lockFile)
  }

  /** Marks a card as served by this process, until the function that it answers is called. @throws FileError ERR_CARD_BUSY */
  async begin(name: string, way: string): Promise<() => Promise<void>> {
    const path = this.#home.of(name, 'mark')
    const lockPath = this.#home.of(name, 'markLock')
    await this.#files.makeFolder(this.#home.run)
    const lock = this.#locks.attempt(lockPath)
    if (lock === null) {
      const holder = await this.#locks.holder(lockPath)
      throw new FileError('ERR_CARD_BUSY', `${holder} serves card '${name}' already. Stop it first.`, { path })
    }
    try {
      const mark = { version: 1, pid: process.pid, way } satisfies v.InferInput<typeof schema>
      await this.#files.writeAtomic(path, Buffer.from(`${JSON.stringify(mark)}\n`))
    } catch (error) {
      lock.release()
      throw error
    }
    return async () => {
      await this.#files.remove(path).finally(() => lock.release())
    }
  }

  /** What other processes serve now. What cannot be read counts as nothing: this is for messages. */
  async elsewhere(): Promise<ServedCard[]> {
    const files = await this.#files.list(this.#home.run).catch(() => [])
    const found = await Promise.all(
      this.#home.namesOf('mark', files).map((name) => this.#look(name).catch(() => undefined)),
    )
    return found.filter((one) => one !== undefined && one.pid !== process.pid) as ServedCard[]
  }

  async #look(name: string): Promise<ServedCard | undefined> {
    const octets = await this.#files.read(this.#home.of(name, 'mark'), MARK_LIMIT)
    const mark = v.safeParse(schema, octets && JSON.parse(Buffer.from(octets).toString('utf8')))
    if (!mark.success) return undefined
    const lock = this.#locks.attempt(this.#home.of(name, 'markLock'))
    lock?.release()
    return lock === null ? { name, pid: mark.output.pid, way: mark.output.way } : undefined
  }
}
