// All checks of a TPM, in the order in which they are run.
import { join } from 'node:path'
import { TpmError } from '../../errors.ts'
import { files } from '../../files/files.ts'
import { processLocks } from '../../home/locks.ts'
import { releaseDevice } from '../../tpm/devices.ts'
import { shownTcti } from '../../tpm/stored-tcti.ts'
import { connect, type Stores, storesOf } from '../../tpm/stores.ts'
import { CARD_CHECKS, SCRATCH_CARD } from './card.ts'
import type { TpmCheck } from './check.ts'
import { CRYPTO_CHECKS } from './crypto.ts'
import { FACT_CHECKS } from './facts.ts'
import { LOCK_CHECKS } from './lock.ts'
import { LOCKOUT_CHECKS } from './lockout.ts'
import { Scratch, type TpmUnderTest } from './scratch.ts'
import { TIMING_CHECKS } from './timing.ts'

export const TPM_CHECKS: readonly TpmCheck[] = [
  ...FACT_CHECKS,
  ...LOCK_CHECKS,
  ...CRYPTO_CHECKS,
  ...TIMING_CHECKS,
  ...CARD_CHECKS,
  ...LOCKOUT_CHECKS,
]

export interface TpmPlace extends Pick<TpmUnderTest, 'ownerPassword' | 'seconds' | 'samples'> {
  /** TCTI string, or `embedded:`. */
  readonly tcti: string
  readonly home?: string | undefined
}

/** How long to wait for another validation of this home, in milliseconds: it would take away what this one makes. */
const WAIT_MS = 1_000

/**
 * Runs `work` over a TPM. What an earlier run left there is removed before it, and what this one made after it, however it
 * ends.
 * @throws TpmError; FileError ERR_CARD_BUSY while another validation is under way
 */
export async function withTpm<T>(place: TpmPlace, work: (scratch: Scratch) => Promise<T>): Promise<T> {
  const { tcti, home, ...settings } = place
  const stores = storesOf({ home })
  await files.makeFolder(stores.home.run)
  const path = join(stores.home.run, 'validate.lock')
  const lock = await processLocks().wait(path, WAIT_MS, 'a TPM that it validates')
  try {
    const device = await connect(stores, { tcti }, SCRATCH_CARD, !(await isInhabited(stores, tcti)))
    // Closing the embedded TPM turns it off; the next command turns it on.
    const restart = tcti === 'embedded:' ? () => device.close() : undefined
    const scratch = new Scratch({ ...settings, device, home, restart })
    try {
      await scratch.clean()
      return await work(scratch).finally(() => scratch.clean().catch(unlessGone))
    } finally {
      await releaseDevice(device)
    }
  } finally {
    lock.release()
  }
}

/** What was found until then is worth more than this error. The next run removes what is left. */
function unlessGone(error: unknown): void {
  const isReached = !(error instanceof TpmError) || error.layer === undefined || error.layer === 'tpm'
  if (isReached) throw error
}

/** A lost state of the embedded TPM is not made anew where cards may live in it. */
async function isInhabited({ store }: Stores, tcti: string): Promise<boolean> {
  return (await store.list()).some((one) => !('card' in one) || shownTcti(one.card.tcti) === tcti)
}
