// What the card is to reach, and what a run says of it.
import type { Results, SignatureResult } from './results.ts'

export interface Target {
  readonly case: string
  readonly target: string
  /** Of this run; undefined where that part was not run. */
  readonly value: number | undefined
  readonly unit: string
  readonly met: boolean | undefined
}

type Group = Pick<SignatureResult, 'transport' | 'algorithm' | 'policy'>

interface Row {
  readonly case: string
  readonly target: string
  readonly unit: string
  readonly limit: number
  readonly better: 'more' | 'less'
  readonly value: (results: Results) => number | undefined
}

function card(results: Results, group: Group, mode: string): SignatureResult | undefined {
  return results.signatures.find(
    (one) =>
      one.layer === 'card' &&
      one.mode === mode &&
      one.transport === group.transport &&
      one.algorithm === group.algorithm &&
      one.policy === group.policy,
  )
}

const TRANSPORTS = ['embedded', 'swtpm'] as const
const ALGORITHMS = ['P-256', 'RSA-2048'] as const

/** Rows for the one measurement that has the same limit on both ways to a TPM. */
const each = (row: (transport: (typeof TRANSPORTS)[number]) => Row): Row[] => TRANSPORTS.map(row)

const rate = (group: Group, limit: number): Row => ({
  case: `Card.sign ${group.algorithm}, ${group.policy}, back to back, ${group.transport}`,
  target: `at least ${limit.toFixed(2)} of the bare loop's rate`,
  unit: 'of its rate',
  limit,
  better: 'more',
  value: (results) => card(results, group, 'back to back')?.ofBareRate,
})

const ROWS: readonly Row[] = [
  rate({ transport: 'embedded', algorithm: 'P-256', policy: 'once' }, 0.95),
  rate({ transport: 'swtpm', algorithm: 'P-256', policy: 'once' }, 0.9),
  ...each((transport) => ({
    case: `Card.sign P-256, once, 20 ms apart, ${transport}`,
    target: "at most 1.05 of the bare loop's latency",
    unit: 'of its latency',
    limit: 1.05,
    better: 'less',
    value: (results) => card(results, { transport, algorithm: 'P-256', policy: 'once' }, 'spaced')?.ofBareLatency,
  })),
  ...each((transport) => rate({ transport, algorithm: 'RSA-2048', policy: 'once' }, 0.95)),
  ...each((transport) => ({
    ...rate({ transport, algorithm: 'P-256', policy: 'always' }, 0.5),
    case: `VERIFY and Card.sign P-256, always, in turn, ${transport}`,
  })),
  ...each((transport) => ({
    case: `16 outstanding, P-256, once, ${transport}`,
    target: 'no slower than back to back',
    unit: 'of that rate',
    limit: 0.98, // a difference that no run can tell from none
    better: 'more',
    value: (results) => {
      const group = { transport, algorithm: 'P-256', policy: 'once' }
      const [many, one] = ['16 outstanding', 'back to back'].map((mode) => card(results, group, mode)?.rate)
      return many === undefined || one === undefined ? undefined : many / one
    },
  })),
  ...TRANSPORTS.flatMap((transport) =>
    ALGORITHMS.map(
      (algorithm): Row => ({
        case: `16 outstanding, ${algorithm}, once, ${transport}: delay of the event loop`,
        target: 'p99 under 2 ms',
        unit: 'ms',
        limit: 2,
        better: 'less',
        value: (results) => card(results, { transport, algorithm, policy: 'once' }, '16 outstanding')?.delay,
      }),
    ),
  ),
  ...each((transport) => ({
    case: `24 keys in turn, ${transport}`,
    target: 'at most one more load a signature',
    unit: 'loads',
    limit: 1,
    better: 'less',
    value: ({ singles }) =>
      singles.find(({ group, name }) => group === `24 keys, ${transport}` && name === 'loads a signature')?.median,
  })),
  ...['delay of the event loop, p99', 'the same, 16 at once'].map(
    (name): Row => ({
      case: `TLS handshakes, P-256, swtpm: ${name}`,
      target: 'under 5 ms',
      unit: 'ms',
      limit: 5,
      better: 'less',
      value: ({ singles }) => singles.find((one) => one.name === `card, swtpm: ${name}`)?.median,
    }),
  ),
  {
    case: '`tessera sign --pin-file`, swtpm, from the start of the process',
    target: 'at most 120 ms',
    unit: 'ms',
    limit: 120,
    better: 'less',
    value: ({ singles }) => singles.find(({ name }) => name === 'tessera sign')?.median,
  },
]

export function targets(results: Results): Target[] {
  return ROWS.map(({ limit, better, value: read, ...row }) => {
    const value = read(results)
    const met = value === undefined ? undefined : better === 'more' ? value >= limit : value <= limit
    return { ...row, value, met }
  })
}
