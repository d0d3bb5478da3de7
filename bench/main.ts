// The benchmarks: measures what was asked for, and writes the report.
import { commitOf, machine, versions } from './machine.ts'
import { type Options, readOptions, wanted } from './options.ts'
import { comparedTable } from './report/compared.ts'
import { FORMAT, type Results } from './report/results.ts'
import { measureCompared } from './suites/compare.ts'
import { measureSignatures } from './suites/signatures.ts'

const PARTS = ['signatures'] as const
const say = (text: string) => console.error(`bench: ${text}`)

async function measure(options: Options): Promise<Results> {
  const asked = (part: string) => wanted(options, [part], PARTS)
  const about = { format: FORMAT, made: new Date().toISOString(), commit: commitOf(), machine: machine() } as const
  const none = { signatures: [], costs: [] }
  const { signatures, costs } = asked('signatures') ? await measureSignatures(options, say) : none
  const settings = { rounds: options.rounds, sliceMs: options.slice }
  return { ...about, versions: versions(), settings, signatures, costs, codecs: [], singles: [] }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (options.compare !== undefined) {
    console.log(comparedTable(options.compare, await measureCompared(options.compare, options, say)))
    return
  }
  console.log(JSON.stringify(await measure(options), null, 1))
}

await main()
