// A PIN index of the product's own, with so many tries that it is never blocked: what campaigns guess against.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Mutex } from '../../../src/mutex.ts'
import type { DeviceOptions } from '../../../src/tpm/commands.ts'
import { acquireDevice, releaseDevice, type TpmDevice } from '../../../src/tpm/devices.ts'
import { type LockContext, lockContext, readCounter } from '../../../src/tpm/lock/context.ts'
import { provePin } from '../../../src/tpm/lock/pins.ts'
import { provision } from '../../../src/tpm/lock/provision.ts'
import { LOCK } from '../../../src/tpm/lock/table.ts'
import { tempDir } from '../../support/temp.ts'

export const MANY = 0x7fffffff

export interface Scratch {
  /** NV handle of the PIN index. */
  readonly index: number
  /** Opens the TPM anew; the right PIN must be accepted, and its counter then stands at 0. Answers the count before. */
  prove(): Promise<number>
}

/** There is one embedded TPM in a process. */
const turn = new Mutex()

function using<T>(options: DeviceOptions, work: (device: TpmDevice) => Promise<T>): Promise<T> {
  return turn.run(async () => {
    const device = await acquireDevice(options)
    try {
      return await work(device)
    } finally {
      await releaseDevice(device)
    }
  })
}

/** In memory what others flush to a disk costs nothing; /var/tmp outlives a restart, and so is on a disk. */
const PLACES = { memory: '/dev/shm', disk: '/var/tmp' } as const
export type StatePlace = keyof typeof PLACES

/**
 * A state file for an embedded TPM, in a folder of its own; in memory where the system has room there: what a kill
 * leaves is the same on every file system.
 */
export function freshState(where: StatePlace): string {
  const folder = existsSync(PLACES[where]) ? tempDir('kill', PLACES[where]) : tempDir('kill')
  const stateFile = join(folder, 'tpm', 'state')
  mkdirSync(dirname(stateFile), { mode: 0o700 })
  return stateFile
}

/** Makes the lock of a card in the TPM, and no card. */
export async function scratchLock(options: DeviceOptions, tries = MANY): Promise<Scratch> {
  const auth = Uint8Array.from(randomBytes(32))
  const card = await using(options, async (device) => {
    const srk = await device.srk({ make: { ownerPassword: new Uint8Array(0) } })
    const request = {
      cardId: Uint8Array.from(randomBytes(16)),
      pin: { auth, tries },
      puk: { auth: Uint8Array.from(randomBytes(32)), tries, present: true },
      ownerPassword: new Uint8Array(0),
      reserved: new Set<number>(),
    }
    return (await provision(device, srk, request, LOCK, async () => undefined)).lock
  })
  const left = async (context: LockContext) => (await readCounter(context, 'pin'))?.left ?? Number.NaN
  return {
    index: card.pin.handle,
    prove: () =>
      using({ ...options, createState: false }, async (device) => {
        const srk = await device.srk('new')
        const context = lockContext(device, srk, card, LOCK)
        const count = tries - (await left(context))
        await device.withSession('hmac', srk, (hmac) =>
          device.withSession('policy', srk, (policy) =>
            provePin(context, { policy, hmac }, auth, { seconds: 60, arm: true }),
          ),
        )
        if ((await left(context)) !== tries) throw new Error('the right PIN did not reset the counter')
        return count
      }),
  }
}
