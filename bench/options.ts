// The command line of the benchmarks.
import { parseArgs } from 'node:util'

export interface Options {
  /** Parts whose name contains one of these words; all when there are none. */
  readonly words: readonly string[]
  readonly rounds: number
  /** Milliseconds that a case has in each round. */
  readonly slice: number
  readonly out: string
  readonly publish: boolean
  readonly compare: string | undefined
}

/** Enough that medians of two runs differ by a few per cent; for less spread, LONG. */
const FULL = { rounds: 8, slice: 150 } as const
const LONG = { rounds: 20, slice: 200 } as const
const QUICK = { rounds: 3, slice: 100 } as const

const USAGE = `usage: npm run bench [-- [options] [WORD ...]]
  WORD               only these parts: signatures, codecs, start, keys, many, provider, hashing, cli, readers,
                     hops, tls;
                     only these signatures: embedded, swtpm; P-256, RSA-2048; never, once, always
  --quick            a look, not a measurement: 3 short rounds
  --long             20 longer rounds: about three quarters of an hour
  --rounds N         rounds of each case (8)
  --out DIRECTORY    where the report goes (bench/out)
  --publish          also to docs/performance, and the figures in bench/NOTES.md
  --compare COMMIT   the class Card of this checkout against that of another commit, in the same rounds;
                     released: with the native part that \`npm run release\` has built, against its own build`

export function readOptions(argv: readonly string[]): Options {
  const { values, positionals } = parse(argv)
  const { rounds, slice } = values.quick ? QUICK : values.long ? LONG : FULL
  return {
    words: checkWords(positionals),
    rounds: values.rounds === undefined ? rounds : wholeNumber(values.rounds),
    slice,
    out: values.out ?? 'bench/out',
    publish: values.publish ?? false,
    compare: values.compare,
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean' },
        long: { type: 'boolean' },
        rounds: { type: 'string' },
        out: { type: 'string' },
        publish: { type: 'boolean' },
        compare: { type: 'string' },
      },
    })
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
  }
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new Error(`--rounds takes a number from 1 to 9999.\n\n${USAGE}`)
}

/** What can be asked for by name: parts of a run, and within the signatures kinds of cases. */
const KINDS = {
  parts: ['signatures', 'codecs', 'start', 'keys', 'many', 'provider', 'hashing', 'cli', 'readers', 'hops', 'tls'],
  transports: ['embedded', 'swtpm'],
  algorithms: ['P-256', 'RSA-2048'],
  policies: ['never', 'once', 'always'],
} as const

/** Whether something was asked for: it was, unless another one of its kind was. */
export function wanted({ words }: Pick<Options, 'words'>, kind: keyof typeof KINDS, name: string): boolean {
  const names: readonly string[] = KINDS[kind]
  const ofKind = words.filter((word) => names.includes(word))
  return ofKind.length === 0 || ofKind.includes(name)
}

function checkWords(words: readonly string[]): readonly string[] {
  const known: readonly string[] = Object.values(KINDS).flat()
  const unknown = words.filter((word) => !known.includes(word))
  if (unknown.length === 0) return words
  throw new Error(`There is no ${unknown.join(', ')}.\n\n${USAGE}`)
}
