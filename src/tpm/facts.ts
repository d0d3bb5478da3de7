// Which TPM this is, and whether it is hardware.
import { u32 } from './codec/wire.ts'
import { command } from './command.ts'
import { CAP, CC, PERMANENT, PT } from './constants.ts'
import type { TpmDevice } from './devices.ts'

export interface TpmFacts {
  readonly manufacturer: string
  readonly vendor: string
  readonly firmware: string
  /** Revision of the TPM 2.0 Library, times 100. */
  readonly revision: number
  readonly ownerAuthSet: boolean
  readonly inLockout: boolean
}

/** Makers of TPM chips and firmware TPMs (TCG TPM Vendor ID Registry). No simulator is among them. */
const MAKERS = [
  'AMD',
  'ATML',
  'BRCM',
  'CSCO',
  'FLYS',
  'HPE',
  'HPI',
  'IFX',
  'INTC',
  'LEN',
  'NSG',
  'NSM',
  'NTC',
  'NTZ',
  'QCOM',
  'ROCC',
  'SECE',
  'SMSC',
  'SMSN',
  'SNS',
  'STM',
  'TXN',
  'WEC',
]

/** Transports that can lead to a chip at all. */
const REAL = ['device:', 'tabrmd:']

/** All TPM_PT_FIXED and TPM_PT_VAR properties, by their number. */
async function properties(device: TpmDevice, first: number): Promise<Map<number, number>> {
  const answer = await device.call(command(CC.GetCapability, [], [], u32(CAP.TPM_PROPERTIES), u32(first), u32(64)))
  answer.take(5)
  return new Map(Array.from({ length: answer.u32() }, () => [answer.u32(), answer.u32()] as const))
}

export async function readFacts(device: TpmDevice): Promise<TpmFacts> {
  const fixed = await properties(device, 0x100)
  const variable = await properties(device, PT.PERMANENT)
  const text = (...tags: number[]) =>
    tags
      .map((tag) => Buffer.from(u32(fixed.get(tag) ?? 0)).toString('latin1'))
      .join('')
      .replaceAll(/[^\x20-\x7e]/g, '')
      .trim()
  const version = (tag: number) => {
    const value = fixed.get(tag) ?? 0
    return `${value >>> 16}.${value & 0xffff}`
  }
  const permanent = variable.get(PT.PERMANENT) ?? 0
  return {
    manufacturer: text(PT.MANUFACTURER),
    vendor: text(PT.VENDOR_STRING_1, PT.VENDOR_STRING_1 + 1, PT.VENDOR_STRING_1 + 2, PT.VENDOR_STRING_1 + 3),
    firmware: `${version(PT.FIRMWARE_VERSION_1)}.${version(PT.FIRMWARE_VERSION_2)}`,
    revision: fixed.get(PT.REVISION) ?? 0,
    ownerAuthSet: (permanent & PERMANENT.ownerAuthSet) !== 0,
    inLockout: (permanent & PERMANENT.inLockout) !== 0,
  }
}

/** The assurance of a card whose TPM is not asked: no simulator is `hardware`, whatever its card file says. */
export const claimedAssurance = (tcti: string, claimed: 'hardware' | 'software'): 'hardware' | 'software' =>
  REAL.some((prefix) => tcti.startsWith(prefix)) ? claimed : 'software'

/** `hardware` only for a known maker behind a real device; a simulator is always `software`. */
export function assuranceOf(tcti: string, facts: TpmFacts): 'hardware' | 'software' {
  return REAL.some((prefix) => tcti.startsWith(prefix)) && MAKERS.includes(facts.manufacturer) ? 'hardware' : 'software'
}
