/**
 * The cards of one home. Reading takes no lock and needs no write access. A change is one short, locked
 * read-modify-write; no lock is kept across TPM calls.
 */
import { join } from 'node:path'
import { equal } from '../../bytes.ts'
import { type AnyCardError, CardError, isCardError } from '../../errors.ts'
import { type Files, files as systemFiles } from '../../files/files.ts'
import { damaged } from '../../files/sealed-text.ts'
import { Home } from '../../home/home.ts'
import { LOCK_WAIT, type LockFile, Locks } from '../../home/locks.ts'
import { CARD_FILE, CARD_FILE_LIMIT, type CardFile, decodeCardFile, encodeCardFile } from './card-file.ts'

export interface CardStoreOptions {
  readonly lockFile: LockFile
  readonly home?: Home
  readonly files?: Files
  /** How long a change waits for another process, in milliseconds. */
  readonly wait?: number
}

export type ListedCard =
  | { readonly name: string; readonly path: string; readonly card: CardFile }
  | { readonly name: string; readonly path: string; readonly error: AnyCardError }

interface Stored {
  readonly card: CardFile
  /** The octets that `card` was decoded from. */
  readonly octets: Uint8Array
}

export class CardStore {
  readonly home: Home
  readonly #files: Files
  readonly #locks: Locks
  readonly #wait: number

  constructor(options: CardStoreOptions) {
    this.home = options.home ?? new Home()
    this.#files = options.files ?? systemFiles
    this.#locks = new Locks(this.#files, options.lockFile)
    this.#wait = options.wait ?? LOCK_WAIT
  }

  /** Every card by name. An unreadable one has its error, and does not affect the others. */
  async list(): Promise<ListedCard[]> {
    const cards: ListedCard[] = []
    for (const name of this.home.namesOf('card', await this.#files.list(this.home.cards))) {
      const listed = await this.#listed(name)
      if (listed !== undefined) cards.push(listed)
    }
    return cards
  }

  async #listed(name: string): Promise<ListedCard | undefined> {
    try {
      return { name, path: this.home.of(name, 'card'), card: await this.read(name) }
    } catch (error) {
      if (!isCardError(error)) throw error
      // Destroyed between listing and reading.
      if (error.code === 'ERR_CARD_NOT_FOUND') return undefined
      return { name, path: join(this.home.cards, `${name}.card`), error }
    }
  }

  /** @throws UsageError ERR_CARD_NAME; CardError ERR_CARD_NOT_FOUND; FileError ERR_CARD_FILE, ERR_CARD_FILE_NEWER, ERR_IO */
  async read(name: string): Promise<CardFile> {
    return (await this.#stored(name)).card
  }

  /** Writes a new card. @throws CardError ERR_CARD_EXISTS when any file has its name, even a damaged one; FileError */
  async create(card: CardFile): Promise<void> {
    await this.#files.makeFolder(this.home.cards)
    await this.#locked(card.name, async (path) => {
      if (await this.#files.exists(path)) throw exists(card.name, path)
      await this.#files.writeAtomic(path, encodeCardFile(card))
    })
  }

  /** @throws CardError ERR_CARD_EXISTS when a card, or a damaged file of one, has this name */
  async assertFree(name: string): Promise<void> {
    const path = this.home.of(name, 'card')
    if (await this.#files.exists(path)) throw exists(name, path)
  }

  /**
   * Changes the card `cardId` of this name: `change` gets the current card and returns the new one. If they are equal,
   * nothing is written. Returns the card as it then is.
   * @throws FileError ERR_CARD_BUSY after 10 s, ERR_CARD_READ_ONLY, ERR_DISK_FULL, ERR_IO; CardError
   * ERR_CARD_NOT_FOUND also when another card has taken the name; what `change` throws
   */
  async update(name: string, cardId: Uint8Array, change: (card: CardFile) => CardFile): Promise<CardFile> {
    return this.#changing(name, cardId, async (path, stored) => {
      const changed = change(stored.card)
      if (changed.name !== name || !equal(changed.cardId, cardId)) throw new TypeError('a card keeps its name and id')
      const octets = encodeCardFile(changed)
      if (!equal(octets, stored.octets)) await this.#files.writeAtomic(path, octets)
      return changed
    })
  }

  /** Removes a file, whatever is in it. @throws UsageError ERR_CARD_NAME; FileError ERR_CARD_BUSY, ERR_IO */
  async removeAny(name: string): Promise<void> {
    await this.#locked(name, (path) => this.#files.remove(path))
  }

  /** Removes the file of the card `cardId`. @throws as `update` */
  async remove(name: string, cardId: Uint8Array): Promise<void> {
    await this.#changing(name, cardId, (path) => this.#files.remove(path))
  }

  /**
   * Renames the card `cardId`: its file is written under the new name, then the old file is removed. A crash between the
   * two leaves both; renaming again completes it.
   * @throws as `create` and `update`; CardError ERR_CARD_EXISTS also for two files of one card that have come to differ
   */
  async rename(name: string, cardId: Uint8Array, newName: string): Promise<void> {
    const target = this.home.of(newName, 'card')
    await this.#same(name, cardId)
    if (newName === name) return
    // Always in the same order: two processes that swap names must not wait for each other.
    const [first = name, second = newName] = [name, newName].sort()
    await this.#locked(first, () =>
      this.#locked(second, async () => {
        const { card } = await this.#same(name, cardId)
        const octets = encodeCardFile({ ...card, name: newName })
        const there = await this.#files.exists(target)
        if (there && !(await this.#isThis(newName, octets))) throw await this.#taken(newName, target, name, cardId)
        if (!there) await this.#files.writeAtomic(target, octets)
        await this.#files.remove(this.home.of(name, 'card'))
      }),
    )
  }

  /**
   * Refuses to destroy one of two files of one card, since that would destroy both: the interrupted renaming has to be
   * completed first.
   * @throws CardError ERR_CARD_EXISTS
   */
  async assertSingle(name: string, cardId: Uint8Array): Promise<void> {
    for (const other of await this.list()) {
      if ('card' in other && other.name !== name && equal(other.card.cardId, cardId))
        throw halfRenamed(name, other.name)
    }
  }

  async #isThis(name: string, octets: Uint8Array): Promise<boolean> {
    const found = await this.#stored(name).catch(() => undefined)
    return found !== undefined && equal(found.octets, octets)
  }

  async #taken(newName: string, target: string, name: string, cardId: Uint8Array): Promise<CardError> {
    const found = await this.#stored(newName).catch(() => undefined)
    return found !== undefined && equal(found.card.cardId, cardId) ? differ(name, newName) : exists(newName, target)
  }

  async #stored(name: string): Promise<Stored> {
    const path = this.home.of(name, 'card')
    const octets = await this.#files.read(path, CARD_FILE_LIMIT)
    if (octets === undefined) throw notFound(name, this.home.cards)
    const card = decodeCardFile(octets, path)
    if (card.name === name) return { card, octets }
    throw damaged(CARD_FILE, path, `it holds the card '${card.name}', and its file must be called ${card.name}.card`)
  }

  async #same(name: string, cardId: Uint8Array): Promise<Stored> {
    const stored = await this.#stored(name)
    if (equal(stored.card.cardId, cardId)) return stored
    throw new CardError(
      'ERR_CARD_NOT_FOUND',
      `Another card has taken the name '${name}' since this one was opened. Nothing was changed. Open the card again.`,
    )
  }

  async #changing<Result>(
    name: string,
    cardId: Uint8Array,
    work: (path: string, stored: Stored) => Promise<Result>,
  ): Promise<Result> {
    // Checked before as well: a missing card must not leave a lock file.
    await this.#same(name, cardId)
    return this.#locked(name, async (path) => work(path, await this.#same(name, cardId)))
  }

  async #locked<Result>(name: string, work: (path: string) => Promise<Result>): Promise<Result> {
    const lock = await this.#locks.wait(this.home.of(name, 'lock'), this.#wait, `the card '${name}'`)
    try {
      return await work(this.home.of(name, 'card'))
    } finally {
      lock.release()
    }
  }
}

function notFound(name: string, folder: string): CardError<'ERR_CARD_NOT_FOUND'> {
  const message = `There is no card '${name}' in ${folder}. See what there is with: tessera list. Make one with: tessera create ${name}.`
  return new CardError('ERR_CARD_NOT_FOUND', message)
}

function exists(name: string, path: string): CardError<'ERR_CARD_EXISTS'> {
  const message = `There is a card '${name}' already (${path}). Choose another name, or destroy it first with: tessera destroy ${name} --yes.`
  return new CardError('ERR_CARD_EXISTS', message)
}

function halfRenamed(name: string, other: string): CardError<'ERR_CARD_EXISTS'> {
  const message = `'${name}' and '${other}' are one card: giving it another name was interrupted. Nothing was changed. Finish that first, with the name that it shall have: tessera rename ${name} ${other}, or tessera rename ${other} ${name}.`
  return new CardError('ERR_CARD_EXISTS', message)
}

function differ(name: string, other: string): CardError<'ERR_CARD_EXISTS'> {
  const message = `'${name}' and '${other}' are one card: giving it another name was interrupted, and its two files have come to differ. Nothing was changed. Compare them (tessera info ${name}, tessera info ${other}), and move away the file that is not wanted.`
  return new CardError('ERR_CARD_EXISTS', message)
}
