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

const FULL = { rounds: 15, slice: 200 } as const
const QUICK = { rounds: 3, slice: 100 } as const

const USAGE = `usage: npm run bench [-- [options] [WORD ...]]
  WORD               only the parts and cases whose name contains it: signatures, codecs, start, keys, readers, hashing,
                     embedded, swtpm, P-256, RSA-2048, never, once, always
  --quick            a look, not a measurement: 3 short rounds
  --rounds N         rounds of each case (15)
  --out DIRECTORY    where the report goes (bench/out)
  --publish          also to docs/performance
  --compare COMMIT   the class Card of this checkout against that of another commit, in the same rounds`

export function readOptions(argv: readonly string[]): Options {
  const { values, positionals } = parse(argv)
  const { rounds, slice } = values.quick ? QUICK : FULL
  return {
    words: positionals,
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

/** Whether a part or case of that name was asked for: each kind of word narrows by itself. */
export function wanted({ words }: Pick<Options, 'words'>, names: readonly string[], kind: readonly string[]): boolean {
  const ofKind = words.filter((word) => kind.some((name) => name.includes(word)))
  return ofKind.length === 0 || ofKind.some((word) => names.some((name) => name.includes(word)))
}
