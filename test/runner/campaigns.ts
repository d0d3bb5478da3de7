// Campaigns: tests that look for faults for as long as they are let. `npm test` runs a share of each.

export interface Campaign {
  /** What it is that no finding may contradict. */
  readonly claim: string
  /** Parts of the paths of its test files. */
  readonly files: readonly string[]
}

export const CAMPAIGNS = {
  'power-loss': {
    claim: 'the disk after each write, cut: the old content or the new, and the card opens',
    files: ['test/store/power-loss', 'test/crash/embedded', 'test/enroll/crash'],
  },
  death: {
    claim: 'a program ends before or after each TPM command: the next one recovers',
    files: ['test/crash/swtpm', 'test/crash/sixteen', 'test/crash/two-processes'],
  },
  kill: {
    claim: 'kill -9 of the program and of the TPM: no wrong PIN is forgotten, no key is lost',
    files: ['test/crash/kill-'],
  },
  faults: {
    claim: 'each TPM command fails in each way: the right error, nothing lost',
    files: ['test/library/tpm-faults', 'test/library/damaged-keys', 'test/library/forged'],
  },
  'pin-machine': { claim: 'random walks over PIN and PUK never leave the model', files: ['test/machine/pin'] },
  fuzz: {
    claim: 'no octets from outside end in anything but a value or a typed error',
    files: [
      'test/fuzz/',
      'test/iso7816/',
      'test/native/fuzz',
      'test/enroll/protocols-',
      'test/lab-ca/requests',
      'test/x509/certs-only',
      'test/keys/native',
    ],
  },
  oracles: {
    claim: 'no answer of the TPM or the disk says more of a PIN than its try',
    files: ['test/attacks/oracles'],
  },
  soak: {
    claim: 'signatures, threads and clients without end: memory and handles stay',
    files: [
      'test/path/endurance',
      'test/native/workers',
      'test/opensc/together',
      'test/pcsc/list',
      'test/doors/faults',
    ],
  },
} as const satisfies Record<string, Campaign>

export type CampaignName = keyof typeof CAMPAIGNS
export const CAMPAIGN_NAMES = Object.keys(CAMPAIGNS) as readonly CampaignName[]

/** What a campaign came to. Written as JSON by `npm run test:long`. */
export interface CampaignResult {
  readonly campaign: CampaignName
  readonly rounds: number
  readonly seconds: number
  /** How many of what: kills, cases, signatures. */
  readonly done: Readonly<Record<string, number>>
  readonly findings: readonly Finding[]
}

export interface Finding {
  readonly file: string
  /** TESSERA_TEST_SEED of the round: with it the file fails again. */
  readonly seed: number
  readonly output: string
}

/** The counts in what tests printed by test/support/done.ts, added to those of before. */
export function addDone(before: Readonly<Record<string, number>>, output: string): Record<string, number> {
  const sum: Record<string, number> = { ...before }
  for (const [, count, unit] of output.matchAll(/^# done: (\d+) (.+)$/gm))
    sum[unit as string] = (sum[unit as string] ?? 0) + Number(count)
  return sum
}

/** A table for people: campaign, what was done, findings. */
export function campaignTable(results: readonly CampaignResult[]): string {
  const rows = results.map(({ campaign, rounds, seconds, done, findings }) => [
    campaign,
    `${rounds}`,
    `${(seconds / 60).toFixed(1)} min`,
    Object.entries(done)
      .map(([unit, count]) => `${count.toLocaleString('en')} ${unit}`)
      .join(', '),
    findings.length === 0 ? 'none' : `${findings.length}`,
  ])
  const all = [['campaign', 'rounds', 'time', 'done', 'findings'], ...rows]
  const width = (column: number) => Math.max(...all.map((row) => (row[column] ?? '').length))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(width(column)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
