/** Reading a trace file: lines that are not understood are counted, and end nothing. */
import * as v from 'valibot'
import { ENTRY, type TraceEntry } from '../entry.ts'

/** A line is one exchange, or is not understood. */
export type TraceLine = TraceEntry | undefined

/** Longest line, in characters: longer ones are not understood. */
const LONGEST_LINE = 2 ** 20

/** The lines of a trace, one after the other; no more than one of them is kept. */
export async function* readTrace(octets: AsyncIterable<Uint8Array>): AsyncGenerator<TraceLine> {
  const decoder = new TextDecoder()
  let rest = ''
  let isTooLong = false
  for await (const chunk of octets) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (isTooLong || line !== '') yield isTooLong ? undefined : parseLine(line)
      isTooLong = false
    }
    isTooLong ||= rest.length > LONGEST_LINE
    if (isTooLong) rest = ''
  }
  if (isTooLong || rest !== '') yield isTooLong ? undefined : parseLine(rest)
}

export function parseLine(line: string): TraceLine {
  if (line.length > LONGEST_LINE) return undefined
  try {
    const result = v.safeParse(ENTRY, JSON.parse(line))
    return result.success ? result.output : undefined
  } catch {
    return undefined
  }
}
