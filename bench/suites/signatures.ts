// The same signature one layer more at a time: each case in a process of its own, in turns with the loop in C.
import { LAYERS } from '../cases/layers.ts'
import type { Cost, Many, Run } from '../cases/protocol.ts'
import { inTurns } from '../measure/rounds.ts'
import { latency, median, quantile, rounded } from '../measure/statistics.ts'
import type { Options } from '../options.ts'
import type { CostResult, SignatureResult } from '../report/results.ts'
import { endLayer, type Group, groups, type LayerCase, startLayer, WARM_UP_MS } from './layer-case.ts'

/**
 * `callers`: what a loop in C does not do. With `once` keys alone: those of `always` are used one by one, and of `never`
 * it would say nothing new.
 */
const MODES = [
  { name: 'back to back', request: (ms: number) => `run ${ms} 0`, among: 'all' },
  { name: 'spaced', request: (ms: number) => `run ${ms} 20`, among: 'all' },
  { name: '4 outstanding', request: (ms: number) => `many ${ms} 4`, among: 'callers' },
  { name: '16 outstanding', request: (ms: number) => `many ${ms} 16`, among: 'callers' },
] as const

const COST_COUNT = 100
/** So much room for new objects that none is collected while they are counted. */
const COUNTING = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128']

/** See SignatureResult. */
function spread(runs: readonly Run[]): number {
  const rates = runs.map(perSecond)
  return rounded((100 * (quantile(rates, 0.9) - quantile(rates, 0.1))) / median(rates))
}

const perSecond = ({ us, ms }: Run): number => (us.length * 1000) / ms

/** Of each round the value relative to that of the loop in C in the same round: their median. */
function relative(runs: readonly Run[], bare: readonly Run[], value: (run: Run) => number): number {
  return rounded(median(runs.map((run, round) => value(run) / value(bare[round] ?? run))))
}

/** Measures cases that are there; the first of them is the loop in C. */
export async function measureCases(
  group: Group,
  cases: readonly LayerCase[],
  { rounds, slice }: Options,
): Promise<SignatureResult[]> {
  const [first, ...callers] = cases
  const results: SignatureResult[] = []
  let bareRuns: readonly Run[] = []
  for (const one of cases) await one.process.ask<Run>(`run ${WARM_UP_MS} 0`)
  for (const { name: mode, request, among } of MODES) {
    if (among === 'callers' && group.policy !== 'once') continue
    const asked = among === 'all' ? cases : callers
    const answers = await inTurns(asked, rounds, (one) => one.process.ask<Run | Many>(request(slice)))
    const bare = first && answers.get(first)
    if (mode === 'back to back') bareRuns = bare ?? []
    for (const [{ name: layer }, runs] of answers) {
      const delays = runs.flatMap((run) => ('delay' in run ? [run.delay] : []))
      results.push({
        ...{ ...group, layer, mode, rate: rounded(median(runs.map(perSecond))), spread: spread(runs) },
        ...latency(runs.flatMap(({ us }) => us)),
        ...(mode === 'spaced' ? {} : { ofBareRate: relative(runs, bareRuns, perSecond) }),
        ...(bare && { ofBareLatency: relative(runs, bare, ({ us }) => median(us)) }),
        ...(delays.length === 0 ? {} : { delay: rounded(median(delays)) }),
      })
    }
  }
  return results
}

async function timesOf(group: Group, options: Options): Promise<SignatureResult[]> {
  const cases: LayerCase[] = []
  try {
    const starts = ['bare', ...Object.keys(LAYERS)].map((layer) => startLayer(layer, group))
    const started = await Promise.allSettled(starts)
    for (const one of started) if (one.status === 'fulfilled') cases.push(one.value)
    for (const one of started) if (one.status === 'rejected') throw one.reason
    return await measureCases(group, cases, options)
  } finally {
    for (const one of cases) await endLayer(one)
  }
}

async function costOf(layer: string, group: Group): Promise<CostResult> {
  const { process, swtpm, ...rest } = await startLayer(layer, group, { flags: COUNTING })
  try {
    await process.ask<Cost>(`cost ${COST_COUNT}`) // until all is compiled
    const before = await swtpm?.stateWrites()
    const { heap, buffers, ...cost } = await process.ask<Cost>(`cost ${COST_COUNT}`)
    const after = await swtpm?.stateWrites()
    const writes = before === undefined || after === undefined ? cost.writes : (after - before) / COST_COUNT
    return { ...group, layer, ...cost, writes, heap: Math.round(heap), buffers: Math.round(buffers) }
  } finally {
    await endLayer({ process, swtpm, ...rest })
  }
}

export async function measureSignatures(
  options: Options,
  say: (text: string) => void,
): Promise<{ signatures: SignatureResult[]; costs: CostResult[] }> {
  const signatures: SignatureResult[] = []
  const costs: CostResult[] = []
  for (const group of groups(options)) {
    say(`signatures: ${Object.values(group).join(', ')}`)
    signatures.push(...(await timesOf(group, options)))
    // What the layers allocate is the same whatever the policy, nearly.
    const layers = group.policy === 'once' ? Object.keys(LAYERS) : ['card']
    for (const layer of layers) costs.push(await costOf(layer, group))
  }
  return { signatures, costs }
}
