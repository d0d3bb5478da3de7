// What is to be reached, row by row, and where in a run its value is.
import type { Results, SignatureResult, SingleResult } from './results.ts'

export interface TargetRow {
  readonly case: string
  /** The target in words, with the limit that counts on this machine. */
  readonly target: (limit: number) => string
  readonly unit: string
  readonly limit: number
  /** On a machine with busy neighbours, where waking a thread takes as long as a signature; `limit` unless given. */
  readonly slowLimit?: number
  readonly better: 'more' | 'less'
  /** Undefined where that part was not run. */
  readonly value: (results: Results) => number | undefined
  /** How far the measurements behind the value lie apart, in per cent; undefined for counts. */
  readonly noise?: (results: Results) => number | undefined
}

type Group = Pick<SignatureResult, 'transport' | 'algorithm' | 'policy'>

const TRANSPORTS = ['embedded', 'swtpm'] as const
const ALGORITHMS = ['P-256', 'RSA-2048'] as const
const ONCE = { algorithm: 'P-256', policy: 'once' } as const

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

type Read = Pick<TargetRow, 'value' | 'noise'>

function single(name: string, group?: string): Read {
  const found = ({ singles }: Results) =>
    singles.find((one: SingleResult) => one.name === name && (group === undefined || one.group === group))
  const noise = (results: Results) => {
    const one = found(results)
    return one && one.unit !== 'count' && one.samples > 1 ? (100 * (one.high - one.low)) / one.median : undefined
  }
  return { value: (results) => found(results)?.median, noise }
}

/** The spread of the bare loop says what the machine did meanwhile. */
const bareSpread =
  (group: Group, mode = 'back to back'): NonNullable<TargetRow['noise']> =>
  (results) =>
    signature(results, group, mode, 'bare')?.spread

function related<T>(left: T | undefined, right: T | undefined, relate: (left: T, right: T) => number) {
  return left === undefined || right === undefined ? undefined : relate(left, right)
}

/** Rows for the one measurement that has the same limit on both ways to a TPM. */
const each = (row: (transport: (typeof TRANSPORTS)[number]) => TargetRow): TargetRow[] => TRANSPORTS.map(row)

interface Limits {
  readonly limit: number
  readonly slowLimit?: number
}

const rate = (group: Group, limits: Limits, mode = 'back to back'): TargetRow => ({
  case: `Card.sign ${group.algorithm}, ${group.policy}, ${mode}, ${group.transport}`,
  target: (limit) => `at least ${limit.toFixed(2)} of the bare loop's rate`,
  unit: 'of its rate',
  ...limits,
  better: 'more',
  value: (results) => signature(results, group, mode)?.ofBareRate,
  noise: bareSpread(group),
})

const EMBEDDED = { transport: 'embedded', ...ONCE } as const
const EMBEDDED_RSA = { ...EMBEDDED, algorithm: 'RSA-2048' } as const

const SIGNATURES: readonly TargetRow[] = [
  rate(EMBEDDED, { limit: 0.92, slowLimit: 0.85 }),
  rate({ transport: 'swtpm', ...ONCE }, { limit: 0.9 }),
  rate(EMBEDDED_RSA, { limit: 0.95, slowLimit: 0.85 }),
  rate({ ...EMBEDDED_RSA, transport: 'swtpm' }, { limit: 0.95 }),
  rate(EMBEDDED, { limit: 0.94, slowLimit: 0.9 }, '16 outstanding'),
  ...each((transport) => ({
    case: `Card.sign P-256, once, 20 ms apart, ${transport}`,
    target: (limit) => `at most ${limit.toFixed(2)} of the bare loop's latency`,
    unit: 'of its latency',
    ...{ limit: 1.5, slowLimit: 1.6, better: 'less' },
    value: (results) => signature(results, { transport, ...ONCE }, 'spaced')?.ofBareLatency,
    noise: bareSpread({ transport, ...ONCE }, 'spaced'),
  })),
  {
    case: 'Card.sign P-256, once, back to back, embedded, above the native layer',
    target: (limit) => `at most ${limit} % of the bare loop's time`,
    unit: '%',
    ...{ limit: 4, slowLimit: 10, better: 'less' },
    value: (results) => {
      const [card, native, bare] = ['card', 'native', 'bare'].map(
        (layer) => signature(results, EMBEDDED, 'back to back', layer)?.p50,
      )
      const above = related(card, native, (left, right) => left - right)
      return related(above, bare, (left, right) => (100 * left) / right)
    },
    noise: bareSpread(EMBEDDED),
  },
  ...each((transport) => ({
    ...rate({ transport, algorithm: 'P-256', policy: 'always' }, { limit: 0.5 }),
    case: `VERIFY and Card.sign P-256, always, in turn, ${transport}`,
  })),
  ...each((transport) => ({
    case: `the signature alone of a P-256 key, always, ${transport}`,
    target: () => 'one TPM command',
    unit: 'commands',
    ...{ limit: 1, better: 'less' },
    value: ({ costs }) =>
      costs.find((one) => one.layer === 'card' && one.policy === 'always' && one.transport === transport)?.commands
        .Sign,
  })),
  ...TRANSPORTS.flatMap((transport) =>
    ALGORITHMS.map((algorithm): TargetRow => {
      const group = { transport, algorithm, policy: 'once' }
      return {
        case: `16 outstanding, ${algorithm}, once, ${transport}: delay of the event loop`,
        target: (limit) => `p99 under ${limit} ms`,
        unit: 'ms',
        ...{ limit: 2, better: 'less' },
        value: (results) => signature(results, group, '16 outstanding')?.delay,
        noise: bareSpread(group),
      }
    }),
  ),
]

const OTHERS: readonly TargetRow[] = [
  ...each((transport) => ({
    case: `24 keys in turn, ${transport}`,
    target: () => 'at most one more load a signature',
    unit: 'loads',
    ...{ limit: 1, better: 'less' },
    ...single('loads a signature', `24 keys, ${transport}`),
  })),
  ...each((transport) => ({
    case: `subtle.sign with a key of a card, P-256, once, ${transport}`,
    target: (limit) => `at most ${limit} us more than card.sign`,
    unit: 'us',
    ...{ limit: 40, better: 'less' },
    ...single('subtle.sign over card.sign, us', `keys of Node, ${transport}`),
  })),
  {
    case: '`tessera sign --pin-file`, swtpm, from the start of the process to its end',
    target: (limit) => `at most ${limit} ms`,
    unit: 'ms',
    ...{ limit: 120, better: 'less' },
    ...single('tessera sign'),
  },
  {
    case: 'of which Node itself, with an empty program',
    target: () => '(named)',
    unit: 'ms',
    ...{ limit: Number.POSITIVE_INFINITY, better: 'less' },
    ...single('node, an empty program'),
  },
]

const TLS: readonly TargetRow[] = ['delay of the event loop, p99', 'the same, 16 at once'].map((name) => ({
  case: `TLS handshakes, P-256, swtpm: ${name}`,
  target: (limit) => `under ${limit} ms`,
  unit: 'ms',
  ...{ limit: 5, better: 'less' },
  ...single(`card, swtpm: ${name}`),
}))

const READERS: readonly TargetRow[] = [
  {
    case: 'one APDU through pcscd and vpcd, card of `serve`',
    target: (limit) => `at most ${limit} times a card in C that answers at once`,
    unit: 'times',
    ...{ limit: 2, better: 'less' },
    ...single('card of `serve` against TCP_QUICKACK'),
  },
  {
    case: 'one APDU without pcscd and vpcd, card of `serve --pcsc`',
    target: (limit) => `at most ${limit} times the card of \`serve\``,
    unit: 'times',
    ...{ limit: 0.7, better: 'less' },
    ...single('card of `serve --pcsc` against card of `serve`'),
  },
  {
    case: 'the card in C without TCP_QUICKACK',
    target: (limit) => `at least ${limit} times the card of \`serve\``,
    unit: 'times',
    ...{ limit: 100, better: 'more' },
    ...single('without TCP_QUICKACK against card of `serve`'),
  },
  ...each((transport) => ({
    case: `Card.sign P-256, once, over PC/SC, ${transport}`,
    target: (limit) => `at most ${limit} ms more than in the process`,
    unit: 'ms',
    ...{ limit: 0.31, slowLimit: 0.97, better: 'less' },
    value: (results) => {
      const [over, inside] = ['reader', 'card'].map(
        (layer) => signature(results, { transport, ...ONCE }, 'back to back', layer)?.p50,
      )
      return related(over, inside, (left, right) => (left - right) / 1000)
    },
    noise: bareSpread({ transport, ...ONCE }),
  })),
  {
    case: '`tessera serve` while nobody uses the card',
    target: (limit) => `under ${limit} % of a processor`,
    unit: '%',
    ...{ limit: 1, better: 'less' },
    ...single('processor time while nobody uses it'),
  },
  {
    case: 'from the start of `tessera serve` until programs see the card',
    target: (limit) => `within ${limit} ms`,
    unit: 'ms',
    ...{ limit: 500, better: 'less' },
    ...single('from the start of `tessera serve` until programs see it'),
  },
]

export const TARGETS: readonly TargetRow[] = [...SIGNATURES, ...OTHERS, ...READERS, ...TLS]
