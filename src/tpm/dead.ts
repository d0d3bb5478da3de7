// Removing a card that its TPM can no longer destroy: the TPM was cleared or is another one, its state is gone, or the file
// does not say which TPM. Only the file is removed; the caller explains what remains uncertain.
import { CardError, type ErrorCode, hasCode, UsageError } from '../errors.ts'
import type { NativeFailure } from '../native.ts'
import { releaseDevice } from './devices.ts'
import { openableTcti, shownTcti } from './stored-tcti.ts'
import { checkSeal, connect, type Place, storesOf } from './stores.ts'

/**
 * `other-tpm`: there is another storage key, or none. `no-state`: the software TPM's state is missing or damaged.
 * `damaged-file`: the indices and the TPM of the card are not known. `address`: a card file may not name such a TPM, so
 * none was asked; the card may live, and is removed only where the caller says so.
 */
export type WhyDead = 'other-tpm' | 'no-state' | 'damaged-file' | 'address'

const BY_ERROR: Readonly<Partial<Record<ErrorCode, WhyDead>>> = {
  ERR_CARD_OTHER_TPM: 'other-tpm',
  ERR_TPM_STATE_ABSENT: 'no-state',
  ERR_CARD_FILE: 'damaged-file',
}

/** Why a card can never again be destroyed in its TPM; undefined for an obstacle that may pass, such as a TPM in use. */
export function whyDead(error: unknown): WhyDead | undefined {
  if (!(error instanceof CardError)) return undefined
  // A full disk or a state of a newer version is the same error, and passes.
  if (error.code === 'ERR_TPM_STATE') return isDamage(error.cause) ? 'no-state' : undefined
  return BY_ERROR[error.code as ErrorCode]
}

const isDamage = (cause: unknown): boolean => (cause as Partial<NativeFailure> | undefined)?.reason === 'corrupt'

/**
 * Removes the file of a card, and its journal, after checking once more that the card is dead. With `fileOnly` also where
 * the file names a TPM that no file may name: whether that card lives is then unknown.
 * @throws TpmError ERR_TCTI without `fileOnly`; UsageError ERR_USAGE for a card that is not; CardError ERR_CARD_NOT_FOUND; an obstacle that may pass, unchanged
 */
export async function removeDeadTpmCard(place: Partial<Place>, name: string, fileOnly = false): Promise<WhyDead> {
  const stores = storesOf(place)
  const found = await connectToSrk(place, name).then(
    () => undefined,
    (error: unknown) => {
      const why = fileOnly && hasCode(error, 'ERR_TCTI') ? 'address' : whyDead(error)
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
  const isElsewhere = place.tcti !== undefined && place.tcti !== shownTcti(card.tcti)
  try {
    const device = await connect(stores, { ...place, tcti: place.tcti ?? openableTcti(card.tcti, name) }, name, false)
    try {
      await device.exclusive(async () => {
        await device.releaseSessions()
        await checkSeal(stores, device, await device.srkNow(card.srk.name), card)
      })
    } finally {
      await releaseDevice(device)
    }
  } catch (error) {
    // Another TPM than the one in which the card was made says nothing about it, and neither does its absence.
    throw isElsewhere ? elsewhere(name, error) : error
  }
}

function elsewhere(name: string, cause: unknown): UsageError {
  const message = `Card '${name}' was made in another TPM than the one that was asked for. Leave out --tcti and TESSERA_TCTI to look for it there.`
  return new UsageError('ERR_USAGE', message, { cause })
}
