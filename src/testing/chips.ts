// How long chips take for a command, as was published: to try an application before the chip is there.

/** In milliseconds. */
interface Times {
  /** 32 random octets. Where nothing else is known, a command takes as long: most of it is the way to the chip. */
  readonly random: number
  readonly rsaKey: number
  readonly rsaPrivate: number
  readonly ecKey: number
  readonly sign: number
  readonly verify: number
  readonly agree: number
}

interface Chip {
  readonly title: string
  readonly times: Times
}

/**
 * RSA-2048 and P-256. Averages of the benchmark in README.md of wolfSSL/wolfTPM, commit
 * 0495c707d13a836fb8ae2e7888c4ab38fab4f404, on a Raspberry Pi, by SPI.
 */
export const CHIPS = {
  slb9670: {
    title: 'Infineon OPTIGA SLB 9670 at 43 MHz',
    times: { random: 2.2, rsaKey: 2196, rsaPrivate: 163, ecKey: 231, sign: 68.9, verify: 114, agree: 232 },
  },
  st33tp: {
    title: 'STMicroelectronics ST33TP at 33 MHz',
    times: { random: 2.3, rsaKey: 7455, rsaPrivate: 248, ecKey: 220, sign: 42.3, verify: 74, agree: 247 },
  },
  npct650: {
    title: 'Nuvoton NPCT650',
    times: { random: 5, rsaKey: 4479, rsaPrivate: 541, ecKey: 148, sign: 190, verify: 265, agree: 176 },
  },
  npct750: {
    title: 'Nuvoton NPCT750 at 43 MHz',
    times: { random: 2.2, rsaKey: 3409, rsaPrivate: 70.3, ecKey: 84, sign: 56.4, verify: 39.2, agree: 29.4 },
  },
  attpm20: {
    title: 'Microchip ATTPM20 at 33 MHz',
    times: { random: 29, rsaKey: 5276, rsaPrivate: 118, ecKey: 153, sign: 58.7, verify: 43, agree: 63.9 },
  },
  z32h330: {
    title: 'Nations Technologies Z32H330 at 33 MHz',
    times: { random: 2.8, rsaKey: 2184, rsaPrivate: 133, ecKey: 51.9, sign: 23.4, verify: 36.8, agree: 38.8 },
  },
} as const satisfies Record<string, Chip>

/** A chip whose times were published. */
export type ChipName = keyof typeof CHIPS
export const CHIP_NAMES = Object.keys(CHIPS) as readonly ChipName[]

/** What takes long in a command: TPM 2.0 Library, Part 2, 6.5.2. A statement is a signature. */
const WORK: Readonly<Record<number, keyof Times>> = {
  340: 'agree', // ECDH_ZGen
  342: 'agree', // Import: the seed is agreed on
  345: 'rsaPrivate', // RSA_Decrypt
  349: 'sign', // Sign
  328: 'sign', // Certify
  330: 'sign', // CertifyCreation
  388: 'sign', // NV_Certify
  375: 'verify', // VerifySignature
  352: 'verify', // PolicySigned
}
const CREATE = 0x153
const CREATE_PRIMARY = 0x131
const GET_RANDOM = 0x17b
const START_AUTH_SESSION = 0x176
const RH_NULL = 0x40000007
const RSA = 1

/** How long the chip takes for this command, in milliseconds. */
export function timeOf(chip: ChipName, command: Uint8Array): number {
  const { times } = CHIPS[chip]
  const view = new DataView(command.buffer, command.byteOffset, command.byteLength)
  const code = view.getUint32(6)
  try {
    if (code === CREATE || code === CREATE_PRIMARY) return times[templateType(view) === RSA ? 'rsaKey' : 'ecKey']
    if (code === START_AUTH_SESSION) return times[view.getUint32(10) === RH_NULL ? 'random' : 'agree']
    if (code === GET_RANDOM) return times.random * Math.max(1, view.getUint16(command.length - 2) / 32)
  } catch {
    // A command that is too short is refused at once.
  }
  return times[WORK[code] ?? 'random']
}

/** The type in the template of TPM2_Create: after the handle, the authorisations and the sensitive part. */
function templateType(view: DataView): number {
  const sensitive = 18 + view.getUint32(14)
  return view.getUint16(sensitive + 2 + view.getUint16(sensitive) + 2)
}
