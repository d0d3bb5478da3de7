// Properties of a TPM by number: TPM 2.0 Library, Part 2, 6.13.
import { u32 } from '../../tpm/codec/wire.ts'
import { command } from '../../tpm/command.ts'
import { CAP, CC } from '../../tpm/constants.ts'
import type { TpmDevice } from '../../tpm/devices.ts'

export const PROPERTY = {
  INPUT_BUFFER: 0x10d,
  TRANSIENT_MIN: 0x10e,
  LOADED_MIN: 0x110,
  ACTIVE_SESSIONS_MAX: 0x111,
  NV_COUNTERS_MAX: 0x116,
  NV_INDEX_MAX: 0x117,
  ORDERLY_COUNT: 0x11d,
  MAX_COMMAND_SIZE: 0x11e,
  MAX_RESPONSE_SIZE: 0x11f,
  MAX_DIGEST: 0x120,
  NV_BUFFER_MAX: 0x12c,
  PERMANENT: 0x200,
  STARTUP_CLEAR: 0x201,
  NV_INDICES: 0x202,
  ACTIVE_SESSIONS_LEFT: 0x206,
  TRANSIENT_LEFT: 0x207,
  PERSISTENT_LEFT: 0x209,
  LOCKOUT_COUNTER: 0x20e,
  MAX_AUTH_FAIL: 0x20f,
  LOCKOUT_INTERVAL: 0x210,
  LOCKOUT_RECOVERY: 0x211,
  NV_WRITE_RECOVERY: 0x212,
} as const

/** One list of TPM2_GetCapability, whole; each entry as `read` reads it. `first`: where it begins. */
async function listed<T>(
  device: TpmDevice,
  capability: number,
  first: number,
  read: (answer: Awaited<ReturnType<TpmDevice['call']>>) => { readonly at: number; readonly entry: T },
): Promise<T[]> {
  const entries: T[] = []
  for (let from = first; ; ) {
    const answer = await device.call(command(CC.GetCapability, [], [], u32(capability), u32(from), u32(64)))
    const more = answer.u8() !== 0
    answer.u32()
    const part = Array.from({ length: answer.u32() }, () => read(answer))
    entries.push(...part.map(({ entry }) => entry))
    const last = part.at(-1)
    if (!more || last === undefined || last.at < from) return entries
    from = last.at + 1
  }
}

/** TPM_PT values by number, from the fixed and the variable group. */
export async function properties(device: TpmDevice): Promise<ReadonlyMap<number, number>> {
  const read = (first: number) =>
    listed(device, CAP.TPM_PROPERTIES, first, (answer) => {
      const at = answer.u32()
      return { at, entry: [at, answer.u32()] as const }
    })
  return new Map([...(await read(0x100)), ...(await read(0x200))])
}

export const algorithms = (device: TpmDevice): Promise<number[]> =>
  listed(device, CAP.ALGS, 0, (answer) => {
    const at = answer.u16()
    answer.u32()
    return { at, entry: at }
  })

export const curves = (device: TpmDevice): Promise<number[]> =>
  listed(device, CAP.ECC_CURVES, 0, (answer) => {
    const at = answer.u16()
    return { at, entry: at }
  })

/** Command codes: TPMA_CC, bits 0 to 15. */
export const commandCodes = (device: TpmDevice): Promise<number[]> =>
  listed(device, CAP.COMMANDS, 0x11f, (answer) => {
    const at = answer.u32() & 0xffff
    return { at, entry: at }
  })

export async function lockoutCounter(device: TpmDevice): Promise<number> {
  return (await properties(device)).get(PROPERTY.LOCKOUT_COUNTER) ?? 0
}
