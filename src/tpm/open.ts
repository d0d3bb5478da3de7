// Creating, opening and renewing a card: its lock and its file together.
import { randomBytes, randomUUID } from 'node:crypto'
import { wipe } from '../bytes.ts'
import { CardError } from '../errors.ts'
import type { Model } from '../piv/first-state.ts'
import type { PinRules } from '../piv/pin-quality.ts'
import { SRK_HANDLE } from './constants.ts'
import { destroyChecked, destroyTpmCard } from './destroy.ts'
import { releaseDevice, type TpmDevice } from './devices.ts'
import { assuranceOf, readFacts } from './facts.ts'
import { withFirstSecrets } from './first-secrets.ts'
import { seal } from './keys/seal.ts'
import { authValue } from './lock/auth-value.ts'
import { requireApproved } from './lock/burned.ts'
import { type NewLock, type Places, provision, removeLock } from './lock/provision.ts'
import { sealNewCard } from './lock/seal.ts'
import type { Srk } from './srk.ts'
import type { CardFile, DefaultSecret } from './store/card-file.ts'
import type { OpenJournal } from './store/journal.ts'
import type { SealKeys } from './store/seal.ts'
import { openableTcti, shownTcti, storedTcti } from './stored-tcti.ts'
import { connect, journalEntry, type Place, recover, reservedHandles, type Stores, sealOf, storesOf } from './stores.ts'
import { TpmVault } from './vault/vault.ts'

export interface NewCard {
  readonly name: string
  /** Octets of PIN and PUK, with valid formats; the caller wipes them. Without a PUK the card cannot be unblocked by one. */
  readonly pin: Uint8Array
  readonly puk: Uint8Array | undefined
  readonly pinTries: number
  readonly pukTries: number
  /** TPM2B_PUBLIC of the help desk's key. */
  readonly helpDeskKey?: Uint8Array | undefined
  /** PIV 9B: algorithm identifier (SP 800-78-5, table 9), then the key. undefined: no management through PC/SC. */
  readonly adminKey: Uint8Array | undefined
  readonly unlockSeconds: number
  readonly mustChangePin: boolean
  readonly pinRules?: PinRules | undefined
  readonly defaults: readonly DefaultSecret[]
  readonly model?: Model | undefined
  readonly ownerPassword: Uint8Array
}

/** A new card in the device that it was made in, which is to be released, and the keys of its seal, which are to be wiped. */
interface NewlyMade {
  readonly stores: Stores
  readonly device: TpmDevice
  readonly card: CardFile
  readonly keys: SealKeys
}

/** Creates a card and opens it. Nothing is left behind when it fails, or is aborted. */
export async function createTpmCard(place: Place, request: NewCard): Promise<TpmVault> {
  return vaultOf(place, await createNow(place, request))
}

async function createNow(place: Place, request: NewCard): Promise<NewlyMade> {
  const stores = storesOf(place)
  await stores.store.assertFree(request.name)
  // A lost embedded state is not made anew while cards may live in it. A damaged card file does not say where it lives.
  const inhabited = (await stores.store.list()).some(
    (one) => !('card' in one) || shownTcti(one.card.tcti) === place.tcti,
  )
  const device = await connect(stores, place, request.name, !inhabited)
  let made: { readonly card: CardFile; readonly keys: SealKeys }
  try {
    made = await device.exclusive(async () => {
      place.signal?.throwIfAborted()
      await device.releaseSessions()
      const srk = await device.srkNow({ make: { ownerPassword: request.ownerPassword } })
      await recover(stores, device, srk, request.ownerPassword)
      const creation = await stores.oneCreation()
      try {
        return await make(stores, device, srk, place, request)
      } finally {
        creation.release()
      }
    })
  } catch (error) {
    await releaseDevice(device)
    throw error
  }
  if (!place.signal?.aborted) return { stores, device, ...made }
  made.keys.wipe()
  await releaseDevice(device)
  await destroyTpmCard({ ...place, signal: undefined }, request.name, request.ownerPassword)
  throw place.signal.reason
}

async function make(
  stores: Stores,
  device: TpmDevice,
  srk: Srk,
  place: Place,
  request: NewCard,
): Promise<{ readonly card: CardFile; readonly keys: SealKeys }> {
  const { name, ownerPassword } = request
  const facts = await readFacts(device)
  // The GUID of the card, which is a UUID: SP 800-73-5 part 1, 3.4.1.
  const cardId = Uint8Array.from(Buffer.from(randomUUID().replaceAll('-', ''), 'hex'))
  const pinAuth = authValue(cardId, 'pin', request.pin)
  const pukAuth = request.puk === undefined ? Uint8Array.from(randomBytes(32)) : authValue(cardId, 'puk', request.puk)
  const lock: NewLock = {
    cardId,
    pin: { auth: pinAuth, tries: request.pinTries },
    puk: { auth: pukAuth, tries: request.pukTries, present: request.puk !== undefined },
    helpDeskKey: request.helpDeskKey,
    ownerPassword,
    reserved: await reservedHandles(stores),
  }
  let journal: OpenJournal | undefined
  let places: Places | undefined
  let pinSecret: Uint8Array | undefined
  let keys: SealKeys | undefined
  try {
    const made = await provision(device, srk, lock, stores.table, async (planned) => {
      places = planned
      const entry = journalEntry('create', name, cardId, place.tcti, srk, planned)
      if (journal === undefined) journal = await stores.journal.begin(entry)
      else await journal.replace(entry)
    })
    pinSecret = made.pinSeal.secret
    const adminKey = request.adminKey === undefined ? undefined : await seal(device, srk, request.adminKey)
    const unsealed: CardFile = {
      ...made.lock,
      ...(adminKey === undefined ? {} : { adminKey }),
      name,
      created: new Date().toISOString(),
      tcti: storedTcti(place.tcti),
      assurance: assuranceOf(place.tcti, facts),
      srk: { handle: SRK_HANDLE, name: srk.name },
      tpm: { manufacturer: facts.manufacturer, firmware: facts.firmware, vendor: facts.vendor },
      unlockSeconds: request.unlockSeconds,
      ...(request.pinRules === undefined ? {} : { pinRules: request.pinRules }),
      ...(request.model === 'yubikey' && { model: request.model }),
      flags: { mustChangePin: request.mustChangePin, defaults: [...request.defaults] },
      keys: {},
      objects: {},
    }
    const sealed = await sealNewCard(device, srk, unsealed, made.pinSeal)
    keys = sealed.keys
    await stores.store.create(sealed.card)
    // The card is complete. If its journal cannot be removed now, the next start removes it.
    await journal?.end().catch(() => undefined)
    return sealed
  } catch (error) {
    keys?.wipe()
    if (journal !== undefined && places !== undefined) {
      await undo(stores, device, srk, { name, cardId, ownerPassword, journal, places })
    }
    throw error
  } finally {
    wipe(pinAuth, pukAuth, pinSecret)
  }
}

interface HalfMade {
  readonly name: string
  readonly cardId: Uint8Array
  readonly ownerPassword: Uint8Array
  readonly journal: OpenJournal
  readonly places: Places
}

/** Removes what was created; where that fails too, the journal stays for the next start. */
async function undo(stores: Stores, device: TpmDevice, srk: Srk, half: HalfMade): Promise<void> {
  try {
    await removeLock(device, srk, half.ownerPassword, half.places)
    // The write was not confirmed by the disk: there is a file, but no card.
    await stores.store.remove(half.name, half.cardId).catch(ignoreAbsent)
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
  const stores = storesOf(place)
  const card = await stores.store.read(name)
  const device = await connect(stores, { ...place, tcti: place.tcti ?? openableTcti(card.tcti, name) }, name, false)
  try {
    return await device.exclusive(async () => {
      place.signal?.throwIfAborted()
      const srk = await device.srkNow(card.srk.name)
      await recover(stores, device, srk, new Uint8Array(0))
      const assurance = assuranceOf(device.options.tcti, await readFacts(device))
      const now = await stores.store.read(name)
      const seal = await sealOf(stores, device, srk, now)
      return vaultOf(place, { stores, device, card: { ...now, assurance }, keys: seal })
    })
  } catch (error) {
    await releaseDevice(device)
    throw error
  }
}

/**
 * Destroys a card, then creates and opens a new one of the same name in the same TPM. It has the default secrets, and its
 * PIN has to be changed; the tries, the help desk, the unlock time and the rules for new PINs stay, and a card without a PUK stays without one.
 * When it fails after the first half there is no card of this name.
 */
export async function renewTpmCard(place: Partial<Place>, name: string, ownerPassword: Uint8Array): Promise<TpmVault> {
  return vaultOf(place, await renewNow(place, name, ownerPassword))
}

async function renewNow(place: Partial<Place>, name: string, ownerPassword: Uint8Array): Promise<NewlyMade> {
  const old = await destroyChecked(place, name, ownerPassword, ({ table, home }, device, card) =>
    requireApproved(device, card, table, home.of(name, 'card')),
  )
  if (old === undefined) {
    const message = `An earlier destruction of card '${name}' was interrupted, and is complete now. Create the card anew: tessera create ${name}.`
    throw new CardError('ERR_CARD_NOT_FOUND', message)
  }
  const { pin, puk, helpDeskKey, unlockSeconds, pinRules, model } = old
  const kept = { pinTries: pin.tries, pukTries: puk.tries, helpDeskKey, unlockSeconds, pinRules, model }
  const here = { ...place, tcti: place.tcti ?? openableTcti(old.tcti, name) }
  return withFirstSecrets({ noPuk: !puk.present, model }, (secrets) =>
    createNow(here, { ...kept, name, mustChangePin: true, ...secrets, ownerPassword }),
  )
}

/** A vault that can become another card: its device stays open while the new card is made. */
function vaultOf(
  place: Partial<Place>,
  { stores, device, card, keys }: Omit<NewlyMade, 'keys'> & { readonly keys: SealKeys | undefined },
): TpmVault {
  const { store, table } = stores
  const here = { ...place, signal: undefined, tcti: device.options.tcti }
  const settings = { table, unlockSeconds: place.unlockSeconds, assurance: card.assurance, seal: keys }
  return new TpmVault(device, store, card, settings, async (name) => {
    const made = await renewNow(here, name, new Uint8Array(0))
    await releaseDevice(made.device)
    return { card: made.card, seal: made.keys }
  })
}
