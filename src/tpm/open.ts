// Creating, opening and destroying the lock and the file of a card together, and cleaning up after a crash.
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { equal, wipe } from '../bytes.ts'
import { CardError } from '../errors.ts'
import { type Files, files as systemFiles } from '../files/files.ts'
import { native } from '../native.ts'
import { SRK_HANDLE } from './constants.ts'
import { acquireDevice, type DeviceOptions, releaseDevice, type TpmDevice } from './device.ts'
import { assuranceOf, readFacts } from './facts.ts'
import { seal } from './keys/seal.ts'
import { authValue } from './lock/auth-value.ts'
import { lockIsWhole, type NewLock, type Places, provision, removeLock } from './lock/provision.ts'
import { LOCK, type LockTable } from './lock/table.ts'
import type { Srk } from './srk.ts'
import type { CardFile, DefaultSecret } from './store/card-file.ts'
import { Home } from './store/home.ts'
import { Journal, type JournalEntry, type OpenJournal } from './store/journal.ts'
import { CardStore } from './store/store.ts'
import { TpmVault } from './vault/vault.ts'

/** Where cards and TPMs are looked for. The last two are for tests that show what a fault or a weaker lock does. */
export interface Place {
  readonly home?: string | undefined
  readonly tcti: string
  readonly waitMs?: number | undefined
  /** How long a verified PIN serves in this process; as the card says unless given. */
  readonly unlockSeconds?: number | undefined
  readonly table?: LockTable | undefined
  readonly files?: Files | undefined
}

export interface NewCard {
  readonly name: string
  /** Octets of PIN and PUK, checked for their format; wiped by the caller. No PUK: nobody can unblock by it. */
  readonly pin: Uint8Array
  readonly puk: Uint8Array | undefined
  readonly pinTries: number
  readonly pukTries: number
  /** TPM2B_PUBLIC of the help desk's key. */
  readonly helpDeskKey?: Uint8Array | undefined
  /** PIV 9B: algorithm identifier (SP 800-78-5, table 9), then the key. None: nobody manages the card through PC/SC. */
  readonly adminKey: Uint8Array | undefined
  readonly unlockSeconds: number
  readonly mustChangePin: boolean
  readonly defaults: readonly DefaultSecret[]
  readonly ownerPassword: Uint8Array
}

interface Workshop {
  readonly home: Home
  readonly store: CardStore
  readonly journal: Journal
  readonly table: LockTable
}

export function workshop(place: Pick<Place, 'home' | 'table' | 'files'>): Workshop {
  const home = new Home(place.home)
  const files = place.files ?? systemFiles
  const lockFile = (path: string) => native().lockFile(path)
  const parts = { home, files, lockFile }
  return { home, store: new CardStore(parts), journal: new Journal(parts), table: place.table ?? LOCK }
}

/** Makes a card and opens it. Nothing is left behind when it fails. */
export async function createTpmCard(place: Place, request: NewCard): Promise<TpmVault> {
  const shop = workshop(place)
  await shop.store.assertFree(request.name)
  // An embedded TPM whose state is gone is not made anew under cards that live in it (or may: a damaged file does not say).
  const inhabited = (await shop.store.list()).some((one) => !('card' in one) || one.card.tcti === place.tcti)
  const device = await connect(shop, place, !inhabited)
  try {
    const vault = await device.exclusive(async () => {
      await device.releaseSessions()
      const srk = await device.srkNow({ make: { ownerPassword: request.ownerPassword } })
      await recover(shop, device, srk, request.ownerPassword)
      const card = await make(shop, device, srk, place, request)
      return new TpmVault(device, shop.store, card, { table: shop.table })
    })
    return vault
  } catch (error) {
    await releaseDevice(device)
    throw error
  }
}

async function make(shop: Workshop, device: TpmDevice, srk: Srk, place: Place, request: NewCard): Promise<CardFile> {
  const { name, ownerPassword } = request
  const facts = await readFacts(device)
  const cardId = Uint8Array.from(randomBytes(16))
  const pinAuth = authValue(cardId, 'pin', request.pin)
  const pukAuth = request.puk === undefined ? Uint8Array.from(randomBytes(32)) : authValue(cardId, 'puk', request.puk)
  const lock: NewLock = {
    cardId,
    pin: { auth: pinAuth, tries: request.pinTries },
    puk: { auth: pukAuth, tries: request.pukTries, present: request.puk !== undefined },
    helpDeskKey: request.helpDeskKey,
    ownerPassword,
    reserved: await reservedHandles(shop),
  }
  let journal: OpenJournal | undefined
  let places: Places | undefined
  try {
    const made = await provision(device, srk, lock, shop.table, async (planned) => {
      places = planned
      const entry = journalEntry('create', name, cardId, place.tcti, srk, planned)
      if (journal === undefined) journal = await shop.journal.begin(entry)
      else await journal.replace(entry)
    })
    const adminKey = request.adminKey === undefined ? undefined : await seal(device, srk, request.adminKey)
    const card: CardFile = {
      ...made,
      ...(adminKey === undefined ? {} : { adminKey }),
      name,
      created: new Date().toISOString(),
      tcti: place.tcti,
      assurance: assuranceOf(place.tcti, facts),
      srk: { handle: SRK_HANDLE, name: srk.name },
      tpm: { manufacturer: facts.manufacturer, firmware: facts.firmware, vendor: facts.vendor },
      unlockSeconds: request.unlockSeconds,
      flags: { mustChangePin: request.mustChangePin, defaults: [...request.defaults] },
      keys: {},
      objects: {},
    }
    await shop.store.create(card)
    // The card is whole. A journal that cannot be removed now is removed by the next start.
    await journal?.end().catch(() => undefined)
    return card
  } catch (error) {
    if (journal !== undefined && places !== undefined) {
      await undo(shop, device, srk, { name, cardId, ownerPassword, journal, places })
    }
    throw error
  } finally {
    wipe(pinAuth, pukAuth)
  }
}

interface HalfMade {
  readonly name: string
  readonly cardId: Uint8Array
  readonly ownerPassword: Uint8Array
  readonly journal: OpenJournal
  readonly places: Places
}

/** What was made goes; where that fails as well, the journal stays for the next start. */
async function undo(shop: Workshop, device: TpmDevice, srk: Srk, half: HalfMade): Promise<void> {
  try {
    await removeLock(device, srk, half.ownerPassword, half.places)
    // Written and not confirmed by the disk: there is a file, of a card that is not.
    await shop.store.remove(half.name, half.cardId).catch(ignoreAbsent)
    await half.journal.end()
  } catch {
    half.journal.leave()
  }
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof CardError) || error.code !== 'ERR_CARD_NOT_FOUND') throw error
}

/** Opens a card of this home in its TPM. */
export async function openTpmCard(place: Partial<Place>, name: string): Promise<TpmVault> {
  const shop = workshop(place)
  const card = await shop.store.read(name)
  const device = await connect(shop, { ...place, tcti: place.tcti ?? card.tcti }, false)
  try {
    return await device.exclusive(async () => {
      const srk = await device.srkNow(card.srk.name)
      await recover(shop, device, srk, new Uint8Array(0))
      const { unlockSeconds } = place
      return new TpmVault(device, shop.store, await shop.store.read(name), { table: shop.table, unlockSeconds })
    })
  } catch (error) {
    await releaseDevice(device)
    throw error
  }
}

/** Undefines the card's indices, then removes its file: no copy of the file can ever be used again. */
export async function destroyTpmCard(place: Partial<Place>, name: string, ownerPassword: Uint8Array): Promise<void> {
  const shop = workshop(place)
  const card = await shop.store.read(name)
  await shop.store.assertSingle(name, card.cardId)
  const tcti = place.tcti ?? card.tcti
  const device = await connect(shop, { ...place, tcti }, false)
  try {
    await device.exclusive(async () => {
      await device.releaseSessions()
      const srk = await device.srkNow(card.srk.name)
      await recover(shop, device, srk, ownerPassword)
      if ((await readIfThere(shop, name)) === undefined) return // that finished an earlier destruction
      const places = placesOf(card)
      const journal = await shop.journal.begin(journalEntry('destroy', name, card.cardId, tcti, srk, places))
      try {
        await removeLock(device, srk, ownerPassword, places)
        await shop.store.remove(name, card.cardId)
        await journal.end()
      } catch (error) {
        // Refused before anything was removed: the card lives on, and no later start may finish what was refused.
        const whole = await lockIsWhole(device, places).catch(() => false)
        if (whole) await journal.end()
        else journal.leave()
        throw error
      }
    })
  } finally {
    await releaseDevice(device)
  }
}

/** A card file does not have the Name of an unwritten index, and its own index is written: the one Name serves twice. */
function placesOf(card: CardFile): Places {
  const { pin, puk } = card
  return {
    pin: { handle: pin.handle, names: [pin.name, pin.name] },
    puk: { handle: puk.handle, names: [puk.name, puk.name] },
  }
}

function journalEntry(
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
async function recover(shop: Workshop, device: TpmDevice, srk: Srk, ownerPassword: Uint8Array): Promise<void> {
  await shop.journal.recover(async (entry) => {
    if (!equal(entry.srkName, srk.name)) return false
    const card = await readIfThere(shop, entry.name)
    const own = card !== undefined && equal(card.cardId, entry.cardId)
    if (entry.kind === 'create' && own) return true // the crash came between the last two steps
    await device.releaseSessions()
    await removeLock(device, srk, ownerPassword, { pin: entry.pin, puk: entry.puk })
    if (own) await shop.store.remove(entry.name, entry.cardId)
    return true
  })
}

async function readIfThere(shop: Workshop, name: string): Promise<CardFile | undefined> {
  try {
    return await shop.store.read(name)
  } catch (error) {
    if (error instanceof CardError && error.code === 'ERR_CARD_NOT_FOUND') return undefined
    throw error
  }
}

async function reservedHandles(shop: Workshop): Promise<Set<number>> {
  const reserved = new Set<number>()
  for (const listed of await shop.store.list()) {
    if ('card' in listed) reserved.add(listed.card.pin.handle).add(listed.card.puk.handle)
  }
  for (const left of await shop.journal.pending()) {
    if ('entry' in left) reserved.add(left.entry.pin.handle).add(left.entry.puk.handle)
  }
  return reserved
}

async function connect(
  shop: Workshop,
  place: Pick<Place, 'tcti' | 'files' | 'waitMs'>,
  createState: boolean,
): Promise<TpmDevice> {
  const options: DeviceOptions = {
    tcti: place.tcti,
    stateFile: shop.home.tpmState,
    createState,
    ...(place.waitMs === undefined ? {} : { waitMs: place.waitMs }),
  }
  if (place.tcti === 'embedded:' && createState)
    await (place.files ?? systemFiles).makeFolder(dirname(shop.home.tpmState))
  return acquireDevice(options)
}
