// Known faults by maker and firmware. A firmware that is not listed is not thereby free of faults.

export interface Erratum {
  readonly name: string
  /** As TPM_PT_MANUFACTURER has it. */
  readonly maker: string
  /** `version`: TPM_PT_FIRMWARE_VERSION_1 and _2, two numbers each. */
  readonly affects: (version: readonly number[]) => boolean
  readonly means: string
  readonly source: string
}

/** Whether `version` is on the branch that the first numbers of `fixed` name, and older than it. */
const before =
  (branch: number, ...fixed: readonly (readonly number[])[]) =>
  (version: readonly number[]): boolean =>
    fixed.some(
      (first) =>
        first.slice(0, branch).every((number, at) => version[at] === number) && isOlder(version, first, branch),
    )

function isOlder(version: readonly number[], than: readonly number[], from: number): boolean {
  for (let at = from; at < than.length; at += 1) {
    const difference = (version[at] ?? 0) - (than[at] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

const isOneOf =
  (...versions: readonly string[]) =>
  ([major = 0, minor = 0]: readonly number[]): boolean =>
    versions.includes(`${major}.${minor}`)

export const ERRATA: readonly Erratum[] = [
  {
    name: 'ROCA (CVE-2017-15361)',
    maker: 'IFX',
    affects: before(1, [4, 34], [5, 62], [6, 43], [7, 62], [133, 33]),
    means:
      'RSA keys that it makes can be factored. Update the firmware, and replace each RSA key that was made before.',
    source: 'CVE-2017-15361; Infineon, Information on TPM firmware update, 2017',
  },
  {
    name: 'TCGVRT0009 (CVE-2025-2884)',
    maker: 'IFX',
    affects: before(1, [15, 23]),
    means: 'Reading beyond a buffer in HMAC signatures may disclose data or stop the TPM. Update the firmware.',
    source: 'TCG, VRT0009 advisory, 2025; Infineon, TPM firmware update for SLB 9672 to 15.23',
  },
  {
    name: 'TPM-FAIL (CVE-2019-16863)',
    maker: 'STM',
    affects: isOneOf(
      ...['71.0', '71.4', '71.12', '73.0', '73.4', '73.8', '73.5', '73.9'],
      ...['74.0', '74.4', '74.8', '74.16', '74.5', '74.9'],
    ),
    means:
      'ECDSA keys are found from the times of signatures. Update the firmware, and replace ECDSA keys that signed for others.',
    source: 'STMicroelectronics, Information on TPM firmware update, ECDSA signature generation, 2019',
  },
  {
    name: 'TPM-FAIL (CVE-2019-11090)',
    maker: 'INTC',
    affects: before(2, [11, 8, 70], [11, 11, 70], [11, 22, 70], [12, 0, 45], [14, 0, 10], [3, 1, 70], [4, 0, 20]),
    means:
      'ECDSA keys are found from the times of signatures. Update the firmware of the machine, and replace ECDSA keys that signed for others.',
    source: 'Intel, INTEL-SA-00241, 2019',
  },
]

export const errataOf = (maker: string, firmware: string): readonly Erratum[] => {
  const version = firmware.split('.').map(Number)
  return ERRATA.filter((erratum) => erratum.maker === maker && erratum.affects(version))
}
