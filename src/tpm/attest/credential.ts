// Credential activation: a CA encrypts a secret for an endorsement key and the Name of an attestation key, and only the TPM that
// has both can decrypt it. TPM 2.0 Library, Part 1, section 24; Part 3, 12.5.
import type { NativeAuth } from '../../native.ts'
import type { Entity } from '../codec/nv.ts'
import { attributesOf } from '../codec/public.ts'
import { EMPTY_SIZED, sized, u32 } from '../codec/wire.ts'
import { bySession, command, NO_PASSWORD } from '../command.ts'
import { CC, OBJECT, RH } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import { endorsementRefusal, withEndorsementKey } from './endorsement.ts'

/** `area`: TPMT_PUBLIC of the endorsement key. `loadAk` is called when that key is in the TPM. */
export async function activate(
  device: TpmDevice,
  area: Uint8Array,
  loadAk: () => Promise<Entity>,
  credential: Uint8Array,
  secret: Uint8Array,
): Promise<Uint8Array> {
  return withEndorsementKey(device, area, async (ek) => {
    const run = async (auth: NativeAuth) => {
      const ak = await loadAk()
      const answer = await device.call(
        command(CC.ActivateCredential, [ak, ek], [NO_PASSWORD, auth], credential, secret),
      )
      return answer.sized()
    }
    if ((attributesOf(area) & OBJECT.userWithAuth) !== 0) return run(NO_PASSWORD)
    return device.withSession('policy', undefined, async (session) => {
      await proveEndorsement(device, session.handle)
      return run(bySession(session.handle))
    })
  })
}

/** PolicyA of the TCG EK Credential Profile: TPM2_PolicySecret(TPM_RH_ENDORSEMENT). */
async function proveEndorsement(device: TpmDevice, session: number): Promise<void> {
  const params = [sized(new Uint8Array(0)), EMPTY_SIZED, EMPTY_SIZED, u32(0)]
  try {
    await device.run(command(CC.PolicySecret, [RH.ENDORSEMENT, session], [NO_PASSWORD], ...params))
  } catch (error) {
    throw endorsementRefusal(error)
  }
}
