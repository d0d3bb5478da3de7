// Which cards are being served to PC/SC, so that another process that needs their TPM can say where the card is.
import { FileError } from '../errors.ts'
import { type Files, files as systemFiles } from '../files/files.ts'
import { integer, text } from '../files/schema.ts'
import { CARD_NAME, checkCardName, Home } from './home.ts'
import { type LockFile, Locks } from './locks.ts'
import { type MarkOf, Marks } from './marks.ts'

export const SERVED = {
  mark: '.json',
  lock: '.json-lock',
  beside: [],
  entries: {
    pid: integer(1, 0x7fff_ffff),
    /** How it gets into PC/SC: `vpcd 127.0.0.1:35963`. */
    way: text(1, 256),
  },
} as const

export interface ServedCard extends Readonly<MarkOf<typeof SERVED.entries>> {
  readonly name: string
}

export class ServedCards {
  readonly #marks: Marks<typeof SERVED.entries>

  constructor(options: { readonly lockFile: LockFile; readonly home?: Home; readonly files?: Files }) {
    const { lockFile, home = new Home(), files = systemFiles } = options
    this.#marks = new Marks(SERVED, home.run, files, new Locks(files, lockFile))
  }

  /** Marks a card as served by this process, until the function that it answers is called. @throws FileError ERR_CARD_BUSY */
  async begin(name: string, way: string): Promise<() => Promise<void>> {
    const holder = await this.#marks.begin(checkCardName(name))
    if (holder === undefined) {
      const message = `${await this.#marks.holder(name)} serves card '${name}' already. Stop it first.`
      throw new FileError('ERR_CARD_BUSY', message, { path: this.#marks.path(name) })
    }
    try {
      await holder.write({ pid: process.pid, way })
    } catch (error) {
      await holder.end().catch(() => undefined)
      throw error
    }
    return () => holder.end()
  }

  /** What other processes serve now. What cannot be read counts as nothing: this is for messages. */
  async elsewhere(): Promise<ServedCard[]> {
    const names = (await this.#marks.names().catch(() => [])).filter((name) => CARD_NAME.test(name))
    const found = await Promise.all(
      names.map(async (name) => {
        const mark = await this.#marks.find(name).catch(() => undefined)
        return mark === undefined || mark.pid === process.pid ? [] : [{ name, ...mark }]
      }),
    )
    return found.flat()
  }
}
