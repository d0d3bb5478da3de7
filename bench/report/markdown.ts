// A run as a page of tables.
import { noiseLine } from './noise.ts'
import type { CostResult, Results, SignatureResult } from './results.ts'
import { table } from './table.ts'
import { targets } from './targets.ts'

const section = (title: string, text: string, body: string): string => `## ${title}\n\n${text}\n\n${body}\n`

function targetTable(results: Results): string {
  const rows = targets(results).map(({ case: name, target, value, unit, met, noise }) => {
    const result = value === undefined ? 'not run' : `${Number(value.toPrecision(3))} ${unit}`
    const apart = noise === undefined ? '' : `${Math.round(noise)} %`
    return [name, target, result, met === undefined ? '' : met ? 'met' : 'not met', apart]
  })
  return table(['case', 'target', 'result', '', 'noise'], rows)
}

const groupName = ({ transport, algorithm, policy }: Pick<SignatureResult, 'transport' | 'algorithm' | 'policy'>) =>
  `${transport}, ${algorithm}, ${policy}`

function signatureTable(results: readonly SignatureResult[]): string {
  const rows = results.map((one) => [
    ...[one.layer, one.mode, one.rate, one.p50, one.p95, one.p99],
    ...[one.ofBareRate, one.ofBareLatency, one.delay],
  ])
  const head = [
    'layer',
    'mode',
    'a second',
    'p50, us',
    'p95, us',
    'p99, us',
    'of bare rate',
    'of bare p50',
    'delay, ms',
  ]
  return table(head, rows)
}

function signatureSections({ signatures }: Results): string {
  const groups = [...new Set(signatures.map(groupName))]
  return groups
    .map((group) => `### ${group}\n\n${signatureTable(signatures.filter((one) => groupName(one) === group))}\n`)
    .join('\n')
}

function costTable(costs: readonly CostResult[]): string {
  const rows = costs.map((one) => {
    const commands = Object.entries(one.commands).map(([name, each]) => `${Number(each.toFixed(2))} ${name}`)
    return [groupName(one), one.layer, commands.join(', '), one.writes, one.heap, one.buffers]
  })
  return table(['case', 'layer', 'TPM commands', 'NV writes', 'heap, octets', 'buffers, octets'], rows)
}

/** What a run was made on and with. */
export function about(run: Pick<Results, 'machine' | 'versions' | 'settings' | 'made' | 'commit'>): string[] {
  const { machine, versions, settings, made, commit } = run
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.system}, Linux ${machine.kernel}; load average at the start ${machine.load}.`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `Commit ${commit}, ${made}; ${settings.rounds} rounds of ${settings.sliceMs} ms for each case.`,
  ]
}

/** What bench/NOTES.md shows of a run. */
export function summary(results: Results): string {
  const { signatures } = results
  const layers = signatures
    .filter(({ policy, mode }) => policy === 'once' && (mode === 'back to back' || mode === 'spaced'))
    .map((one) => [`${one.algorithm}, ${one.transport}`, one.layer, one.mode, one.p50, one.p95, one.p99])
  return [
    `${about(results).join('\n\n')}\n`,
    `${noiseLine(results)}\n`,
    `${targetTable(results)}\n`,
    `Microseconds of one signature with a key of the policy \`once\`; \`spaced\`: 20 ms apart.\n`,
    table(['key', 'layer', 'mode', 'p50', 'p95', 'p99'], layers),
  ].join('\n')
}

export function markdown(results: Results): string {
  const { codecs, singles } = results
  const parts = [
    `# Benchmarks\n\n${about(results).join('\n\n')}\n`,
    section(
      'Targets',
      `The bare loop is a program in C that signs by ESAPI with an empty password. Noise: how far the rounds of the bare loop, or the samples of a row, lie apart. ${noiseLine(results)}`,
      targetTable(results),
    ),
    results.signatures.length === 0
      ? ''
      : `## Signatures, one layer more at a time\n\nTimes of one signature; with \`always\` keys of VERIFY and a signature.\n\n${signatureSections(results)}`,
    results.costs.length === 0
      ? ''
      : section('What a signature costs', 'Each, over many, whatever the time.', costTable(results.costs)),
    singles.length === 0
      ? ''
      : section(
          'By themselves',
          'Medians, and the values that 5 and 95 per cent lie below.',
          table(
            ['what', '', 'median', '5 %', '95 %', 'unit', 'samples'],
            singles.map((one) => [one.group, one.name, one.median, one.low, one.high, one.unit, one.samples]),
          ),
        ),
    codecs.length === 0
      ? ''
      : section(
          'Codecs',
          'By Benchmark.js.',
          table(
            ['codec', 'a second', '+/- %'],
            codecs.map((one) => [one.name, one.perSecond, one.margin]),
          ),
        ),
  ]
  return `${parts.filter((part) => part !== '').join('\n')}`
}
