// Destroying a card: its lock, then its file.
import { releaseDevice, type TpmDevice } from './devices.ts'
import { lockIsWhole, removeLock } from './lock/provision.ts'
import type { Srk } from './srk.ts'
import type { CardFile } from './store/card-file.ts'
import { openableTcti } from './stored-tcti.ts'
import {
  checkSeal,
  connect,
  journalEntry,
  type Place,
  placesOf,
  readIfThere,
  recover,
  removeFiles,
  type Stores,
  storesOf,
} from './stores.ts'

/** Undefines the card's indices, then removes its file: no copy of the file can ever be used again. */
export async function destroyTpmCard(place: Partial<Place>, name: string, ownerPassword: Uint8Array): Promise<void> {
  await destroyChecked(place, name, ownerPassword, async () => undefined)
}

/**
 * As `destroyTpmCard`, unless `accept` throws. Returns the card as it was checked: its file may have been changed since.
 * Undefined where it only completed an earlier destruction.
 */
export async function destroyChecked(
  place: Partial<Place>,
  name: string,
  ownerPassword: Uint8Array,
  accept: (stores: Stores, device: TpmDevice, card: CardFile) => Promise<void>,
): Promise<CardFile | undefined> {
  const stores = storesOf(place)
  const card = await stores.store.read(name)
  await stores.store.assertSingle(name, card.cardId)
  const tcti = place.tcti ?? openableTcti(card.tcti, name)
  const device = await connect(stores, { ...place, tcti }, name, false)
  try {
    return await device.exclusive(async () => {
      await device.releaseSessions()
      const srk = await device.srkNow(card.srk.name)
      await recover(stores, device, srk, ownerPassword)
      if ((await readIfThere(stores, name)) === undefined) return undefined
      // A file that was mixed from two could name the indices of another card.
      const isWhole = await checkSeal(stores, device, srk, card)
      await accept(stores, device, card)
      if (isWhole) await destroyNow(stores, device, srk, { card, tcti, ownerPassword })
      else await removeFiles(stores, name, card.cardId)
      return card
    })
  } finally {
    await releaseDevice(device)
  }
}

interface Condemned {
  readonly card: CardFile
  readonly tcti: string
  readonly ownerPassword: Uint8Array
}

async function destroyNow(
  stores: Stores,
  device: TpmDevice,
  srk: Srk,
  { card, tcti, ownerPassword }: Condemned,
): Promise<void> {
  const { name, cardId } = card
  const places = placesOf(card)
  const journal = await stores.journal.begin(journalEntry('destroy', name, cardId, tcti, srk, places))
  try {
    await removeLock(device, srk, ownerPassword, places)
    await removeFiles(stores, name, cardId)
    await journal.end()
  } catch (error) {
    // Refused before anything was removed: the card still exists, and no later start may complete the destruction.
    const whole = await lockIsWhole(device, places).catch(() => false)
    if (whole) await journal.end()
    else journal.leave()
    throw error
  }
}
