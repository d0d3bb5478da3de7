import { concat } from '../../bytes.ts'
import { Pcapng } from '../../trace/reading/pcapng.ts'
import { binaryOutput } from '../binary.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { traceLines } from '../trace.ts'

export const run: Run = async (context, file) => {
  const write = binaryOutput(context)
  const { entries, unknown } = await traceLines(context, file)
  const pcapng = new Pcapng()
  const octets = concat(pcapng.head(), ...entries.map((entry) => pcapng.packets(entry)))
  const written = (path: string) => TEXT.trace.written(entries.length, path)
  await write({ octets, member: 'pcapng', facts: { exchanges: entries.length }, written, secret: true })
  if (unknown > 0) await context.out.warn(TEXT.trace.unknown(unknown))
}
