// Removing a card that its TPM can no longer destroy: the TPM was cleared or is another one, its state is gone, or the file
// does not say which TPM. Only the file is removed; the caller explains what remains uncertain.
import { CardError, type ErrorCode, UsageError } from '../errors.ts'
import { releaseDevice } from './devices.ts'
import { openableTcti, shownTcti } from './stored-tcti.ts'
import { connect, type Place, storesOf } from './stores.ts'

/**
 * `other-tpm`: there is another storage key, or none. `no-state`: the software TPM's state is missing or damaged.
 * `damaged-file`: the indices and the TPM of the card are not known. `address`: a card file may not name such a TPM.
 */
export type WhyDead = 'other-tpm' | 'no-state' | 'damaged-file' | 'address'

const BY_ERROR: Readonly<Partial<Record<ErrorCode, WhyDead>>> = {
  ERR_CARD_OTHER_TPM: 'other-tpm',
  ERR_TPM_STATE_ABSENT: 'no-state',
  ERR_TPM_STATE: 'no-state',
  ERR_CARD_FILE: 'damaged-file',
  ERR_TCTI: 'address',
}

/** Why a card can never again be destroyed in its TPM; undefined for an obstacle that may pass, such as a TPM in use. */
export const whyDead = (error: unknown): WhyDead | undefined =>
  error instanceof CardError ? BY_ERROR[error.code as ErrorCode] : undefined

/**
 * Removes the file of a card, and its journal, after checking once more that the card is dead.
 * @throws UsageError ERR_USAGE for a card that is not; CardError ERR_CARD_NOT_FOUND; an obstacle that may pass, unchanged
 */
export async function removeDeadTpmCard(place: Partial<Place>, name: string): Promise<WhyDead> {
  const stores = storesOf(place)
  const found = await connectToSrk(place, name).then(
    () => undefined,
    (error: unknown) => {
      const why = whyDead(error)
      if (why === undefined) throw error
      return why
    },
  )
  if (found === undefined) {
    throw new UsageError('ERR_USAGE', `Card '${name}' is not dead: destroy it with: tessera destroy ${name} --yes.`)
  }
  await stores.journal.discard(name)
  await stores.store.removeAny(name)
  return found
}

async function connectToSrk(place: Partial<Place>, name: string): Promise<void> {
  const stores = storesOf(place)
  const card = await stores.store.read(name)
  const device = await connect(stores, { ...place, tcti: place.tcti ?? openableTcti(card.tcti, name) }, name, false)
  try {
    await device.exclusive(() => device.srkNow(card.srk.name))
  } catch (error) {
    // The card was looked for in another TPM than its own, which proves nothing about it.
    if (place.tcti !== undefined && place.tcti !== shownTcti(card.tcti)) throw elsewhere(name, error)
    throw error
  } finally {
    await releaseDevice(device)
  }
}

function elsewhere(name: string, cause: unknown): UsageError {
  const message = `Card '${name}' was made in another TPM than the one that was asked for. Leave out --tcti and TESSERA_TCTI to look for it there.`
  return new UsageError('ERR_USAGE', message, { cause })
}
