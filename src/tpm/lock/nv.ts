// NV indices as the owner handles them: which are there, defining, undefining.
import { equal } from '../../bytes.ts'
import type { NativeAuth } from '../../native.ts'
import { decodeNvPublic, type Entity, encodeNvPublic, type NvPublic } from '../codec/nv.ts'
import { sized, u32 } from '../codec/wire.ts'
import { command, encrypting } from '../command.ts'
import { CAP, NV_FIRST, RH } from '../constants.ts'
import type { TpmDevice } from '../device.ts'
import { responseOf } from '../failure.ts'
import type { Srk } from '../srk.ts'

/** Every NV handle in use from NV_FIRST on. */
export async function usedIndices(device: TpmDevice): Promise<Set<number>> {
  const used = new Set<number>()
  for (let first = NV_FIRST; ; ) {
    const answer = await device.call(command('GetCapability', [], [], u32(CAP.HANDLES), u32(first), u32(64)))
    const more = answer.u8() !== 0
    answer.u32()
    const count = answer.u32()
    for (let i = 0; i < count; i++) used.add(answer.u32())
    const last = Math.max(...used)
    if (!more || count === 0) return used
    first = last + 1
  }
}

/** Defines an index; its authValue crosses encrypted, in a session of its own. */
export async function defineIndex(
  device: TpmDevice,
  srk: Srk | undefined,
  owner: NativeAuth,
  auth: Uint8Array,
  nv: NvPublic,
) {
  await device.withSession('hmac', srk, (session) =>
    device.runSecret(
      command(
        'NV_DefineSpace',
        [RH.OWNER],
        [owner, encrypting(session.handle)],
        sized(auth),
        sized(encodeNvPublic(nv)),
      ),
    ),
  )
}

/** The Name of the index at `handle` as it is now; undefined where there is none. */
export async function indexName(device: TpmDevice, handle: number): Promise<Uint8Array | undefined> {
  try {
    const [answer] = await device.run(command('NV_ReadPublic', [handle], []))
    return decodeNvPublic(answer ?? new Uint8Array(0)).name
  } catch (error) {
    if (responseOf(error) === 'HANDLE') return undefined
    throw error
  }
}

/** Undefines the index at `handle` if its Name is one of `names`: never an index of somebody else's. */
export async function undefineIndex(
  device: TpmDevice,
  owner: NativeAuth,
  handle: number,
  names: readonly Uint8Array[],
) {
  const name = await indexName(device, handle)
  if (name === undefined || !names.some((own) => equal(own, name))) return
  const index: Entity = { handle, name }
  await device.run(command('NV_UndefineSpace', [RH.OWNER, index], [owner]))
}
