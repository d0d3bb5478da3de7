// Where the cards of a home and their TPM meet: what creating, opening and destroying a card share, and cleaning up after
// a crash.
import { dirname } from 'node:path'
import { equal } from '../bytes.ts'
import { CardError } from '../errors.ts'
import { type Files, files as systemFiles } from '../files/files.ts'
import { Home } from '../home/home.ts'
import { ServedCards } from '../home/served.ts'
import { native } from '../native.ts'
import type { DeviceOptions } from './commands.ts'
import { acquireDevice, type TpmDevice } from './devices.ts'
import { type Places, removeLock } from './lock/provision.ts'
import { LOCK, type LockTable } from './lock/table.ts'
import { refuseServed } from './served.ts'
import type { Srk } from './srk.ts'
import type { CardFile } from './store/card-file.ts'
import { Journal, type JournalEntry } from './store/journal.ts'
import { CardStore } from './store/store.ts'

/** Where cards and TPMs are looked for. The last two are for tests that show what a fault or a weaker lock does. */
export interface Place {
  readonly home?: string | undefined
  readonly tcti: string
  readonly waitMs?: number | undefined
  /** How long a verified PIN serves in this process; as the card says unless given. */
  readonly unlockSeconds?: number | undefined
  readonly table?: LockTable | undefined
  readonly files?: Files | undefined
  /** Which reader the card of this id is in: asked where another process serves it. */
  readonly readerOf?: ((cardId: Uint8Array) => Promise<string | undefined>) | undefined
}

export interface Workshop {
  readonly home: Home
  readonly store: CardStore
  readonly journal: Journal
  readonly served: ServedCards
  readonly table: LockTable
}

export function workshop(place: Pick<Place, 'home' | 'table' | 'files'>): Workshop {
  const home = new Home(place.home)
  const files = place.files ?? systemFiles
  const lockFile = (path: string) => native().lockFile(path)
  const parts = { home, files, lockFile }
  const table = place.table ?? LOCK
  return { home, store: new CardStore(parts), journal: new Journal(parts), served: new ServedCards(parts), table }
}

/** A card file does not have the Name of an unwritten index, and its own index is written: the one Name serves twice. */
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
 * Finishes what a crash left half done in this TPM: a creation is undone, a destruction completed. What cannot be
 * cleaned up now (another TPM, an owner password that was not given) stays for a later start.
 */
export async function recover(shop: Workshop, device: TpmDevice, srk: Srk, ownerPassword: Uint8Array): Promise<void> {
  await shop.journal.recover(async (entry) => {
    const card = await readIfThere(shop, entry.name)
    const own = card !== undefined && equal(card.cardId, entry.cardId)
    // At the same address another TPM, or this one was cleared since: nothing of what was begun is there any more. Without
    // a card nobody can ever finish it, and the name would be taken for good.
    if (!equal(entry.srkName, srk.name)) return !own && entry.tcti === device.options.tcti
    if (entry.kind === 'create' && own) return true // the crash came between the last two steps
    await device.releaseSessions()
    await removeLock(device, srk, ownerPassword, { pin: entry.pin, puk: entry.puk })
    if (own) await shop.store.remove(entry.name, entry.cardId)
    return true
  })
}

export async function readIfThere(shop: Workshop, name: string): Promise<CardFile | undefined> {
  try {
    return await shop.store.read(name)
  } catch (error) {
    if (error instanceof CardError && error.code === 'ERR_CARD_NOT_FOUND') return undefined
    throw error
  }
}

export async function reservedHandles(shop: Workshop): Promise<Set<number>> {
  const reserved = new Set<number>()
  for (const listed of await shop.store.list()) {
    if ('card' in listed) reserved.add(listed.card.pin.handle).add(listed.card.puk.handle)
  }
  for (const left of await shop.journal.pending()) {
    if ('entry' in left) reserved.add(left.entry.pin.handle).add(left.entry.puk.handle)
  }
  return reserved
}

export async function connect(
  shop: Workshop,
  place: Pick<Place, 'tcti' | 'files' | 'waitMs' | 'readerOf'>,
  name: string,
  createState: boolean,
): Promise<TpmDevice> {
  const options: DeviceOptions = {
    tcti: place.tcti,
    stateFile: shop.home.tpmState,
    createState,
    ...(place.waitMs === undefined ? {} : { waitMs: place.waitMs }),
  }
  if (place.tcti === 'embedded:') {
    // It would be waited for in vain.
    await refuseServed(shop, name, place.readerOf)
    if (createState) await (place.files ?? systemFiles).makeFolder(dirname(shop.home.tpmState))
  }
  return acquireDevice(options)
}
