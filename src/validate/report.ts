/** A report: what was validated, when, by what, and what became of each check. docs/validate.md has its members. */
import * as v from 'valibot'
import { UsageError } from '../errors.ts'
import { CLASSES, type Result, VERDICTS } from './result.ts'

export const FORMAT = 'tessera-validation'
export const VERSION = 1
/** Octets of a report that is read. */
export const LARGEST = 32 * 1024 * 1024

export interface Report {
  readonly format: typeof FORMAT
  readonly version: typeof VERSION
  /** As Date.prototype.toISOString writes it. */
  readonly made: string
  /** The version of this package, and that of Node.js. */
  readonly by: { readonly tessera: string; readonly node: string }
  readonly subject: {
    readonly kind: 'card' | 'tpm'
    /** What it is called, and what is known of it. */
    readonly title: string
    readonly facts: Readonly<Record<string, string | number | boolean>>
  }
  readonly classes: readonly string[]
  /** False while the run goes on, and where it was stopped. */
  readonly finished: boolean
  readonly results: readonly Result[]
}

const value = v.union([v.string(), v.number(), v.boolean()])
/** JSON has no NaN. */
const number = v.pipe(
  v.nullable(v.number()),
  v.transform((given) => given ?? Number.NaN),
)
const numbers = v.object({
  count: v.number(),
  min: number,
  p50: number,
  p95: number,
  p99: number,
  max: number,
  mean: number,
  drift: number,
  driftChance: number,
  histogram: v.object({ from: v.number(), width: v.number(), counts: v.pipe(v.array(v.number()), v.maxLength(1000)) }),
})
const figure = v.object({
  name: v.string(),
  value: number,
  passes: v.string(),
  verdict: v.picklist(['pass', 'fail', 'info']),
  falseAlarm: v.number(),
  p: v.exactOptional(number),
  attack: v.exactOptional(v.object({ name: v.string(), gives: v.string(), source: v.string() })),
})

const REPORT = v.object({
  format: v.literal(FORMAT),
  version: v.literal(VERSION),
  made: v.string(),
  by: v.object({ tessera: v.string(), node: v.string() }),
  subject: v.object({ kind: v.picklist(['card', 'tpm']), title: v.string(), facts: v.record(v.string(), value) }),
  classes: v.array(v.string()),
  finished: v.boolean(),
  results: v.pipe(
    v.array(
      v.object({
        id: v.pipe(v.string(), v.maxLength(100)),
        title: v.string(),
        source: v.string(),
        class: v.picklist(CLASSES),
        group: v.picklist(['card', 'tpm']),
        verdict: v.picklist(VERDICTS),
        says: v.string(),
        took: v.number(),
        facts: v.exactOptional(v.record(v.string(), value)),
        figures: v.exactOptional(v.array(figure)),
        times: v.exactOptional(v.record(v.string(), numbers)),
      }),
    ),
    v.maxLength(10_000),
  ),
})

/** @throws UsageError ERR_USAGE, which names `where` */
export function readReport(octets: Uint8Array, where: string): Report {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder().decode(octets))
  } catch {
    parsed = undefined
  }
  const result = v.safeParse(REPORT, parsed)
  if (result.success) return result.output
  const made = typeof parsed === 'object' && parsed !== null && 'format' in parsed && parsed.format === FORMAT
  const why = made ? 'It was written by another version, or changed since' : 'It is no report of tessera validate'
  throw new UsageError('ERR_USAGE', `${where} cannot be read. ${why}.`)
}

export const writeReport = (report: Report): Uint8Array => Buffer.from(`${JSON.stringify(report, null, 1)}\n`)
