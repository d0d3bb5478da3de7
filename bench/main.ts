// The benchmarks: measures what was asked for, and writes the report.
import { commitOf, machine, versions } from './machine.ts'
import { readOptions, wanted } from './options.ts'
import { FORMAT, type Results } from './report/results.ts'
import { measureSignatures } from './suites/signatures.ts'

const PARTS = ['signatures'] as const

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  const say = (text: string) => console.error(`bench: ${text}`)
  const asked = (part: string) => wanted(options, [part], PARTS)
  const about = { format: FORMAT, made: new Date().toISOString(), commit: commitOf(), machine: machine() } as const
  const none = { signatures: [], costs: [] }
  const { signatures, costs } = asked('signatures') ? await measureSignatures(options, say) : none
  const settings = { rounds: options.rounds, sliceMs: options.slice }
  const results: Results = { ...about, versions: versions(), settings, signatures, costs, codecs: [], singles: [] }
  console.log(JSON.stringify(results, null, 1))
}

await main()
