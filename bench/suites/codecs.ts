// The codecs of APDUs and data objects: synchronous, so by Benchmark.js. In a process of its own: bench/cases/codecs.ts.
import { nodeCase } from '../cases/command.ts'
import { CaseProcess } from '../measure/process.ts'
import type { CodecResult } from '../report/results.ts'

export async function measureCodecs(): Promise<CodecResult[]> {
  const one = await CaseProcess.start('codecs', nodeCase('codecs.ts', {}))
  try {
    return await one.ask<CodecResult[]>('measure')
  } finally {
    await one.end()
  }
}
