/** What a trace file has: one line of JSON for each exchange with a card or a TPM. docs/trace.md. */
import * as v from 'valibot'

const LONGEST_NAME = 1024
/** Largest command or answer, in octets: an extended APDU with its status word. */
const LARGEST = 65_536 + 10

/** Octets in hex digits, `xx` for each one that is not shown. */
const shown = v.pipe(v.string(), v.maxLength(2 * LARGEST), v.regex(/^(?:[0-9a-f]{2}|xx)*$/))

export const ENTRY = v.object({
  /** Milliseconds since 1970, when the command was sent. */
  time: v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15)),
  /** How long the answer took, in milliseconds. */
  took: v.pipe(v.number(), v.minValue(0)),
  /** The process that sent it. */
  process: v.pipe(v.number(), v.integer(), v.minValue(0)),
  kind: v.picklist(['apdu', 'tpm']),
  /** The card, the reader or the TPM. */
  to: v.pipe(v.string(), v.maxLength(LONGEST_NAME)),
  command: shown,
  /** Absent where there was none. */
  answer: v.optional(shown),
})

export type TraceEntry = v.InferOutput<typeof ENTRY>
