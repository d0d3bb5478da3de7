// What is to be reached, row by row, and where in a run its value is.
import type { Results, SignatureResult, SingleResult } from './results.ts'

export interface TargetRow {
  readonly case: string
  readonly target: string
  readonly unit: string
  readonly limit: number
  readonly better: 'more' | 'less'
  /** Undefined where that part was not run. */
  readonly value: (results: Results) => number | undefined
}

type Group = Pick<SignatureResult, 'transport' | 'algorithm' | 'policy'>

const TRANSPORTS = ['embedded', 'swtpm'] as const
const ALGORITHMS = ['P-256', 'RSA-2048'] as const
const ONCE = { algorithm: 'P-256', policy: 'once' } as const

/** A difference that no run can tell from none. */
const NONE = 0.98

function signature(results: Results, group: Group, mode: string, layer = 'card'): SignatureResult | undefined {
  return results.signatures.find(
    (one) =>
      one.layer === layer &&
      one.mode === mode &&
      one.transport === group.transport &&
      one.algorithm === group.algorithm &&
      one.policy === group.policy,
  )
}

function single(name: string, group?: string): (results: Results) => number | undefined {
  const found = (one: SingleResult) => one.name === name && (group === undefined || one.group === group)
  return ({ singles }) => singles.find(found)?.median
}

function related<T>(left: T | undefined, right: T | undefined, relate: (left: T, right: T) => number) {
  return left === undefined || right === undefined ? undefined : relate(left, right)
}

/** Rows for the one measurement that has the same limit on both ways to a TPM. */
const each = (row: (transport: (typeof TRANSPORTS)[number]) => TargetRow): TargetRow[] => TRANSPORTS.map(row)

const rate = (group: Group, limit: number): TargetRow => ({
  case: `Card.sign ${group.algorithm}, ${group.policy}, back to back, ${group.transport}`,
  target: `at least ${limit.toFixed(2)} of the bare loop's rate`,
  unit: 'of its rate',
  limit,
  better: 'more',
  value: (results) => signature(results, group, 'back to back')?.ofBareRate,
})

const SIGNATURES: readonly TargetRow[] = [
  rate({ transport: 'embedded', ...ONCE }, 0.95),
  rate({ transport: 'swtpm', ...ONCE }, 0.9),
  ...each((transport) => ({
    case: `Card.sign P-256, once, 20 ms apart, ${transport}`,
    target: "at most 1.05 of the bare loop's latency",
    unit: 'of its latency',
    limit: 1.05,
    better: 'less',
    value: (results) => signature(results, { transport, ...ONCE }, 'spaced')?.ofBareLatency,
  })),
  ...each((transport) => rate({ transport, algorithm: 'RSA-2048', policy: 'once' }, 0.95)),
  ...each((transport) => ({
    ...rate({ transport, algorithm: 'P-256', policy: 'always' }, 0.5),
    case: `VERIFY and Card.sign P-256, always, in turn, ${transport}`,
  })),
  ...each((transport) => ({
    case: `the signature alone of a P-256 key, always, ${transport}`,
    target: 'one TPM command',
    unit: 'commands',
    limit: 1,
    better: 'less',
    value: ({ costs }) =>
      costs.find((one) => one.layer === 'card' && one.policy === 'always' && one.transport === transport)?.commands
        .Sign,
  })),
  ...TRANSPORTS.flatMap((transport) =>
    ALGORITHMS.flatMap((algorithm): TargetRow[] => {
      const group = { transport, algorithm, policy: 'once' }
      return [
        {
          case: `16 outstanding, ${algorithm}, once, ${transport}`,
          target: 'no slower than back to back',
          unit: 'of that rate',
          limit: NONE,
          better: 'more',
          value: (results) => {
            const [many, one] = ['16 outstanding', 'back to back'].map((mode) => signature(results, group, mode)?.rate)
            return related(many, one, (left, right) => left / right)
          },
        },
        {
          case: `16 outstanding, ${algorithm}, once, ${transport}: delay of the event loop`,
          target: 'p99 under 2 ms',
          unit: 'ms',
          limit: 2,
          better: 'less',
          value: (results) => signature(results, group, '16 outstanding')?.delay,
        },
      ]
    }),
  ),
]

const OTHERS: readonly TargetRow[] = [
  ...each((transport) => ({
    case: `24 keys in turn, ${transport}`,
    target: 'at most one more load a signature',
    unit: 'loads',
    limit: 1,
    better: 'less',
    value: single('loads a signature', `24 keys, ${transport}`),
  })),
  {
    case: '`tessera sign --pin-file`, swtpm, from the start of the process to its end',
    target: 'at most 120 ms',
    unit: 'ms',
    limit: 120,
    better: 'less',
    value: single('tessera sign'),
  },
  {
    case: 'of which Node itself, with an empty program',
    target: '(named)',
    unit: 'ms',
    limit: Number.POSITIVE_INFINITY,
    better: 'less',
    value: single('node, an empty program'),
  },
]

const TLS: readonly TargetRow[] = ['delay of the event loop, p99', 'the same, 16 at once'].map((name) => ({
  case: `TLS handshakes, P-256, swtpm: ${name}`,
  target: 'under 5 ms',
  unit: 'ms',
  limit: 5,
  better: 'less',
  value: single(`card, swtpm: ${name}`),
}))

const READERS: readonly TargetRow[] = [
  {
    case: 'one APDU through pcscd and vpcd, card of `serve`',
    target: 'at most 2 times a card in C that answers at once',
    unit: 'times',
    limit: 2,
    better: 'less',
    value: single('card of `serve` against TCP_QUICKACK'),
  },
  {
    case: 'the card in C without TCP_QUICKACK',
    target: 'at least 100 times the card of `serve`',
    unit: 'times',
    limit: 100,
    better: 'more',
    value: single('without TCP_QUICKACK against card of `serve`'),
  },
  ...each((transport) => ({
    case: `Card.sign P-256, once, over PC/SC, ${transport}`,
    target: 'at most 0.5 ms more than in the process',
    unit: 'ms',
    limit: 0.5,
    better: 'less',
    value: (results) => {
      const [over, inside] = ['reader', 'card'].map(
        (layer) => signature(results, { transport, ...ONCE }, 'back to back', layer)?.p50,
      )
      return related(over, inside, (left, right) => (left - right) / 1000)
    },
  })),
  {
    case: '`tessera serve` while nobody uses the card',
    target: 'under 1 % of a processor',
    unit: '%',
    limit: 1,
    better: 'less',
    value: single('processor time while nobody uses it'),
  },
  {
    case: 'from the start of `tessera serve` until programs see the card',
    target: 'within 500 ms',
    unit: 'ms',
    limit: 500,
    better: 'less',
    value: single('from the start of `tessera serve` until programs see it'),
  },
]

export const TARGETS: readonly TargetRow[] = [...SIGNATURES, ...OTHERS, ...READERS, ...TLS]
