// NV indices: how the owner lists, defines and undefines them.
import { equal } from '../../bytes.ts'
import { TpmError } from '../../errors.ts'
import type { NativeAuth } from '../../native.ts'
import { decodeNvPublic, type Entity, encodeNvPublic, type NvPublic } from '../codec/nv.ts'
import { sized, u16, u32 } from '../codec/wire.ts'
import { command, encrypting, vouching } from '../command.ts'
import type { Session } from '../commands.ts'
import { CAP, CC, NV_FIRST, RH } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import { responseOf } from '../failure.ts'
import type { Srk } from '../srk.ts'

/** Every NV handle in use from NV_FIRST on. */
export async function usedIndices(device: TpmDevice): Promise<Set<number>> {
  const used = new Set<number>()
  for (let first = NV_FIRST; ; ) {
    const answer = await device.call(command(CC.GetCapability, [], [], u32(CAP.HANDLES), u32(first), u32(64)))
    const more = answer.u8() !== 0
    answer.u32()
    const count = answer.u32()
    for (let i = 0; i < count; i++) used.add(answer.u32())
    const last = Math.max(...used)
    if (!more || count === 0) return used
    first = last + 1
  }
}

/** Defines an index; its authValue is sent encrypted, in a session of its own. */
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
        CC.NV_DefineSpace,
        [RH.OWNER],
        [owner, encrypting(session.handle)],
        u16(auth.length), // TPM2B_AUTH, with no copy but the one that is wiped
        auth,
        sized(encodeNvPublic(nv)),
      ),
    ),
  )
}

/** The current Name of the index at `handle`; undefined where there is none. */
export async function indexName(device: TpmDevice, handle: number): Promise<Uint8Array | undefined> {
  try {
    const [answer] = await device.run(command(CC.NV_ReadPublic, [handle], []))
    return decodeNvPublic(answer ?? new Uint8Array(0)).name
  } catch (error) {
    if (responseOf(error) === 'HANDLE') return undefined
    throw error
  }
}

/** The Name of the index at `handle`, undefined where there is none: the TPM's own answer, even with an attacker on the bus. */
async function vouchedName(device: TpmDevice, session: Session, handle: number): Promise<Uint8Array | undefined> {
  const vouch = vouching(session.handle)
  // A refusal is not authenticated, so the query asks which indices exist and never relies on an error.
  const listed = await device.call(command(CC.GetCapability, [], [vouch], u32(CAP.HANDLES), u32(handle), u32(1)))
  listed.take(5)
  if (listed.u32() === 0 || listed.u32() !== handle) return undefined
  const name = await indexName(device, handle)
  if (name === undefined) throw tampered('shows an index, and then has none')
  try {
    // The session's HMAC covers the Name that the TPM finds: any Name other than `name` fails here.
    await device.run(command(CC.NV_ReadPublic, [{ handle, name }], [vouch]))
  } catch (error) {
    const response = responseOf(error)
    throw response === 'BAD_AUTH' || response === 'AUTH_FAIL' ? tampered('shows an index that it does not have') : error
  }
  return name
}

function tampered(what: string): TpmError {
  return new TpmError(
    'ERR_TPM_TAMPERED',
    `The TPM ${what}. Somebody may sit between this program and the TPM, or change its indices at this moment. Try again.`,
  )
}

/**
 * Undefines the index at `handle` if its Name is one of `names`: never another program's index. When this returns it is
 * gone, even where answers are forged, since `session` authenticates them.
 * @throws TpmError ERR_TPM_TAMPERED, ERR_TPM_OWNER_AUTH
 */
export async function undefineIndex(
  device: TpmDevice,
  session: Session,
  handle: number,
  names: readonly Uint8Array[],
  owner: (work: (auth: NativeAuth) => Promise<unknown>) => Promise<unknown>,
): Promise<void> {
  const ours = async () => {
    const name = await vouchedName(device, session, handle)
    return name !== undefined && names.some((own) => equal(own, name)) ? name : undefined
  }
  const name = await ours()
  if (name === undefined) return
  const index: Entity = { handle, name }
  await owner((auth) => device.run(command(CC.NV_UndefineSpace, [RH.OWNER, index], [auth])))
  if ((await ours()) !== undefined) throw tampered('says that it removed a part of the card, and still has it')
}
