import type { TraceEntry } from '../../trace/entry.ts'
import { commandName, outcome } from '../../trace/reading/names.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { plain } from '../plain.ts'
import { traceLines } from '../trace.ts'

/** Octets of a command or an answer that are printed. */
const MOST_SHOWN = 64

export const run: Run = async (context, file) => {
  const { out } = context
  const { entries, unknown } = await traceLines(context, file)
  const json = entries.map((entry) => ({ ...entry, name: commandName(entry), outcome: outcome(entry) }))
  await out.result(json, entries.map(asText).join('\n'))
  if (unknown > 0) await out.warn(TEXT.trace.unknown(unknown))
}

function asText(entry: TraceEntry): string {
  const { time, took, to, command, answer } = entry
  const moment = new Date(time).toISOString().slice(11, -1)
  const head = `${moment}  ${took.toFixed(1)} ms  ${plain(to)}  ${commandName(entry)}: ${outcome(entry)}`
  return [head, `  > ${digits(command)}`, ...(answer === undefined ? [] : [`  < ${digits(answer)}`])].join('\n')
}

function digits(text: string): string {
  const octets = text.length / 2
  return octets <= MOST_SHOWN ? text : `${text.slice(0, 2 * MOST_SHOWN)}… ${TEXT.trace.octets(octets)}`
}
