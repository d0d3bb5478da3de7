// What the commands about traces share.
import { UsageError } from '../errors.ts'
import type { TraceEntry } from '../trace/entry.ts'
import { readTrace } from '../trace/reading/read.ts'
import type { Context } from './context.ts'
import { readStream } from './files.ts'
import { TEXT } from './messages.ts'

/** Exchanges of a trace that are read: more do not fit into memory. */
const MOST = 200_000

/** The exchanges in order of time, and how many lines were not understood. @throws UsageError ERR_USAGE; FileError ERR_IO */
export async function traceLines(
  context: Context,
  file: string,
): Promise<{ readonly entries: readonly TraceEntry[]; readonly unknown: number }> {
  const entries: TraceEntry[] = []
  let unknown = 0
  for await (const line of readTrace(await readStream(context, file, 'FILE'))) {
    if (line === undefined) unknown += 1
    else if (entries.push(line) > MOST) throw new UsageError('ERR_USAGE', TEXT.trace.tooLong(MOST))
  }
  if (entries.length === 0 && unknown > 0) throw new UsageError('ERR_USAGE', TEXT.trace.none(file))
  return { entries: entries.sort((one, other) => one.time - other.time), unknown }
}
