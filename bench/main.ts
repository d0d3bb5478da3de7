// The benchmarks: measures what was asked for, and writes the report.
import { join, resolve } from 'node:path'
import { installPackages } from './install.ts'
import { commitOf, machine, versions, watchSteal } from './machine.ts'
import { type Options, readOptions, wanted } from './options.ts'
import { root } from './product.ts'
import { comparedTable } from './report/compared.ts'
import { summary } from './report/markdown.ts'
import { publish } from './report/publish.ts'
import { FORMAT, type Results, type SingleResult } from './report/results.ts'
import { measureCodecs } from './suites/codecs.ts'
import { measureCompared } from './suites/compare.ts'
import { measureHops } from './suites/hops.ts'
import { measureReaders } from './suites/readers.ts'
import { measureSignatures } from './suites/signatures.ts'
import { measureSingles } from './suites/singles.ts'
import { measureTls } from './suites/tls.ts'

const say = (text: string) => console.error(`bench: ${text}`)

async function measure(options: Options): Promise<Results> {
  const about = { format: FORMAT, made: new Date().toISOString(), commit: commitOf() } as const
  const [here, steal] = [machine(), watchSteal()]
  const settings = { rounds: options.rounds, sliceMs: options.slice }
  const none = { signatures: [], costs: [] }
  const { signatures, costs } = wanted(options, 'parts', 'signatures') ? await measureSignatures(options, say) : none
  const singles: SingleResult[] = []
  for (const part of [measureHops, measureSingles, measureReaders, measureTls])
    singles.push(...(await part(options, say)))
  const codecs = wanted(options, 'parts', 'codecs') ? await measureCodecs() : []
  return {
    ...about,
    machine: { ...here, steal: steal() },
    versions: versions(),
    settings,
    signatures,
    costs,
    codecs,
    singles,
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  installPackages(join(root, 'bench'), say)
  if (options.compare !== undefined) {
    console.log(comparedTable(options.compare, await measureCompared(options.compare, options, say)))
    return
  }
  const results = await measure(options)
  const { writeReport } = await import('./report/write.ts')
  const places = [resolve(root, options.out), ...(options.publish ? [join(root, 'docs/performance')] : [])]
  console.log(await writeReport(results, places))
  if (options.publish) publish('figures', summary(results))
  say(`written to ${places.join(' and ')}`)
}

await main()
