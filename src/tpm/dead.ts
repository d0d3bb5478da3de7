// Removing what is left of a card that its TPM cannot destroy any more: the TPM was cleared or is another one, its state is
// gone, or the file says nothing. Only the file is removed; the caller says what that leaves open.
import { CardError, type ErrorCode, UsageError } from '../errors.ts'
import { releaseDevice } from './devices.ts'
import { openableTcti, shownTcti } from './stored-tcti.ts'
import { connect, type Place, storesOf } from './stores.ts'

/**
 * `other-tpm`: there is another storage key, or none. `no-state`: the software TPM has no state any more, or a damaged one.
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

/** Why a card cannot be destroyed in its TPM for good; undefined for what may pass: a TPM that is in use, for example. */
export const whyDead = (error: unknown): WhyDead | undefined =>
  error instanceof CardError ? BY_ERROR[error.code as ErrorCode] : undefined

/**
 * Removes the file of a card, and a journal of it, after having found out again that it is dead.
 * @throws UsageError ERR_USAGE for one that lives; CardError ERR_CARD_NOT_FOUND; what may pass, as it is
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
    // Somebody looks for it where it was not made: that other TPM says nothing about it.
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
