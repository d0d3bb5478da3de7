// The stores of one home (card files, journal, marks of served cards), the connection to a card's TPM, and recovery after
// a crash: shared by creating, opening and destroying a card.
import { dirname, join } from 'node:path'
import { equal, hex } from '../bytes.ts'
import { hasCode, valueIf } from '../errors.ts'
import { type Files, files as systemFiles } from '../files/files.ts'
import { forgetEnrolments } from '../home/enrolments.ts'
import { Home } from '../home/home.ts'
import { type FileLock, Locks } from '../home/locks.ts'
import { ServedCards } from '../home/served.ts'
import { native } from '../native.ts'
import { refuseServed } from './busy.ts'
import type { DeviceOptions } from './commands.ts'
import { acquireDevice, type TpmDevice } from './devices.ts'
import { type Places, removeLock } from './lock/provision.ts'
import { openSeal } from './lock/seal.ts'
import { LOCK, type LockTable } from './lock/table.ts'
import type { Srk } from './srk.ts'
import type { CardFile } from './store/card-file.ts'
import { Journal, type JournalEntry } from './store/journal.ts'
import { CardStore } from './store/store.ts'

/** Where cards and TPMs are. Only tests give `table` and `files`, to show what a weaker lock or a fault does. */
export interface Place {
  readonly home?: string | undefined
  readonly tcti: string
  readonly waitMs?: number | undefined
  /** Gives up waiting for the TPM. */
  readonly signal?: AbortSignal | undefined
  /** How long a verified PIN serves in this process, in seconds; the setting of the card by default. */
  readonly unlockSeconds?: number | undefined
  readonly table?: LockTable | undefined
  readonly files?: Files | undefined
  /** Finds the reader that has the card of this id, where another process serves it. */
  readonly readerOf?: ((cardId: Uint8Array) => Promise<string | undefined>) | undefined
}

export interface Stores {
  readonly home: Home
  readonly store: CardStore
  readonly journal: Journal
  readonly served: ServedCards
  /** Waits for other processes that make a card in this home: two at once find no room in a bare TPM. */
  oneCreation(): Promise<FileLock>
  readonly table: LockTable
}

/** Longer than the slowest chips take to make a card, in milliseconds. */
const CREATION_MS = 120_000

export function storesOf(place: Pick<Place, 'home' | 'table' | 'files'>): Stores {
  const home = new Home(place.home)
  const files = place.files ?? systemFiles
  const lockFile = (path: string) => native().lockFile(path)
  const parts = { home, files, lockFile }
  const table = place.table ?? LOCK
  const oneCreation = async () => {
    await files.makeFolder(home.run)
    const lock = join(home.run, 'creation.lock')
    return new Locks(files, lockFile).wait(lock, CREATION_MS, 'the cards of this home')
  }
  const stores = { store: new CardStore(parts), journal: new Journal(parts), served: new ServedCards(parts) }
  return { home, ...stores, oneCreation, table }
}

/** A card file has no Name of an unwritten index, and its own index is written: both Names are the same. */
export function placesOf(card: CardFile): Places {
  const { pin, puk } = card
  return {
    pin: { handle: pin.handle, names: [pin.name, pin.name] },
    puk: { handle: puk.handle, names: [puk.name, puk.name] },
  }
}

export function journalEntry(
  kind: JournalEntry['kind'],
  name: string,
  cardId: Uint8Array,
  tcti: string,
  srk: Srk,
  places: Places,
): JournalEntry {
  const place = (role: 'pin' | 'puk') => ({ handle: places[role].handle, names: places[role].names })
  return { kind, name, cardId, tcti, srkName: srk.name, pin: place('pin'), puk: place('puk') }
}

/**
 * Completes what a crash interrupted in this TPM: a creation is undone, a destruction completed. What cannot be cleaned
 * up now (another TPM, a missing owner password) stays for a later start. Anybody can write a journal, so no index is
 * removed on its word alone: docs/lock.md, "A crash at any command".
 */
export async function recover(stores: Stores, device: TpmDevice, srk: Srk, ownerPassword: Uint8Array): Promise<void> {
  await stores.journal.recover(async (entry) => {
    const card = await readIfThere(stores, entry.name)
    const own = card !== undefined && equal(card.cardId, entry.cardId) ? card : undefined
    // Another TPM is at the same address, or this one was cleared: nothing of the interrupted work exists any more. Without
    // a card the entry could never be completed, and would block the name for good.
    if (!equal(entry.srkName, srk.name)) return own === undefined && entry.tcti === device.options.tcti
    await device.releaseSessions()
    const isTrue = entry.kind === 'create' ? await wasCreating(stores, entry, own) : isOf(own, entry)
    if (!isTrue) return true
    if (own === undefined || (await checkSeal(stores, device, srk, own))) {
      await removeLock(device, srk, ownerPassword, { pin: entry.pin, puk: entry.puk })
    }
    if (own !== undefined) await removeFiles(stores, entry.name, entry.cardId)
    return true
  })
}

/** A creation takes no index that a card of this home has. With its own file there, only the journal was left to remove. */
async function wasCreating(stores: Stores, entry: JournalEntry, own: CardFile | undefined): Promise<boolean> {
  if (own !== undefined) return false
  const planned = [...entry.pin.names, ...entry.puk.names]
  const listed = await stores.store.list()
  return !listed.some(
    (one) => 'card' in one && [one.card.pin, one.card.puk].some(({ name }) => planned.some((own) => equal(own, name))),
  )
}

/** A destruction removes the lock before the file: without the file there is nothing more to remove. */
function isOf(card: CardFile | undefined, entry: JournalEntry): boolean {
  if (card === undefined) return false
  const places = placesOf(card)
  return (['pin', 'puk'] as const).every(
    (role) =>
      places[role].handle === entry[role].handle && entry[role].names.every((name) => equal(name, card[role].name)),
  )
}

/** The keys of a card's seal, after the seal was checked; with the TPM alone. @throws as `openSeal` */
export const sealOf = ({ home, table }: Stores, device: TpmDevice, srk: Srk, card: CardFile) =>
  openSeal(device, srk, card, table, home.of(card.name, 'card'))

/**
 * Refuses a file that somebody changed. False for a dead card without a seal: nothing proves that the indices which its
 * file names are its own, so none is removed.
 * @throws FileError ERR_CARD_FILE
 */
export async function checkSeal(stores: Stores, device: TpmDevice, srk: Srk, card: CardFile): Promise<boolean> {
  try {
    const seal = await sealOf(stores, device, srk, card)
    seal?.wipe()
    return true
  } catch (error) {
    if (hasCode(error, 'ERR_CARD_DEAD')) return false
    throw error
  }
}

/** Removes the file of a destroyed card, and those of its enrolments: without the former, the latter serve nobody. */
export async function removeFiles({ store, home }: Stores, name: string, cardId: Uint8Array): Promise<void> {
  await store.remove(name, cardId)
  // The card is gone even if the files of its enrolments cannot be removed.
  await forgetEnrolments(hex(cardId), home).catch(() => undefined)
}

export const readIfThere = (stores: Stores, name: string): Promise<CardFile | undefined> =>
  stores.store.read(name).catch(valueIf((error) => hasCode(error, 'ERR_CARD_NOT_FOUND'), undefined))

export async function reservedHandles(stores: Stores): Promise<Set<number>> {
  const reserved = new Set<number>()
  for (const listed of await stores.store.list()) {
    if ('card' in listed) reserved.add(listed.card.pin.handle).add(listed.card.puk.handle)
  }
  for (const left of await stores.journal.pending()) {
    if ('entry' in left) reserved.add(left.entry.pin.handle).add(left.entry.puk.handle)
  }
  return reserved
}

export async function connect(
  stores: Stores,
  place: Pick<Place, 'tcti' | 'files' | 'waitMs' | 'signal' | 'readerOf'>,
  name: string,
  createState: boolean,
): Promise<TpmDevice> {
  const options: DeviceOptions = {
    tcti: place.tcti,
    stateFile: stores.home.tpmState,
    createState,
    ...(place.waitMs === undefined ? {} : { waitMs: place.waitMs }),
  }
  if (place.tcti === 'embedded:') {
    // The other process serves it as long as it runs: waiting would be in vain.
    await refuseServed(stores, name, place.readerOf)
    if (createState) await (place.files ?? systemFiles).makeFolder(dirname(stores.home.tpmState))
  }
  return acquireDevice(options, place.signal)
}
