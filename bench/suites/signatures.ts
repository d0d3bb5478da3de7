// The same signature one layer more at a time: each case in a process of its own, with a TPM of its own, in turns.
import { join } from 'node:path'
import { type Swtpm, startSwtpm } from '../../test/support/swtpm.ts'
import { ALGORITHMS, LAYERS, POLICIES, type Setup } from '../cases/layers.ts'
import type { Cost, Many, Run } from '../cases/protocol.ts'
import { CaseProcess } from '../measure/process.ts'
import { inTurns } from '../measure/rounds.ts'
import { latency, median, rounded } from '../measure/statistics.ts'
import { type Options, wanted } from '../options.ts'
import { root } from '../product.ts'
import type { CostResult, SignatureResult } from '../report/results.ts'

export const TRANSPORTS = ['embedded', 'swtpm'] as const

export interface Group {
  readonly transport: (typeof TRANSPORTS)[number]
  readonly algorithm: Setup['algorithm']
  readonly policy: Setup['policy']
}

export const GROUPS: readonly Group[] = TRANSPORTS.flatMap((transport) =>
  ALGORITHMS.flatMap((algorithm) => POLICIES.map((policy) => ({ transport, algorithm, policy }))),
)
const WORDS = [...TRANSPORTS, ...ALGORITHMS, ...POLICIES]

/** `among`: what the loop in C does too. `always` keys are used by one caller at a time. */
export const MODES = [
  { name: 'back to back', request: (ms: number) => `run ${ms} 0`, among: 'all' },
  { name: 'spaced', request: (ms: number) => `run ${ms} 20`, among: 'all' },
  { name: '4 outstanding', request: (ms: number) => `many ${ms} 4`, among: 'callers' },
  { name: '16 outstanding', request: (ms: number) => `many ${ms} 16`, among: 'callers' },
] as const

/** A layer in a process, and the swtpm it has for itself. */
export interface LayerCase {
  readonly layer: string
  readonly process: CaseProcess
  readonly swtpm: Swtpm | undefined
}

const WARM_UP_MS = 1000
const COST_COUNT = 200
/** So much room for new objects that none is collected while they are counted. */
const COUNTING = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128']

export const nodeCase = (file: string, argument: unknown, flags: readonly string[] = []): string[] => [
  ...[process.execPath, ...flags, '--import', 'tsx', join(root, 'bench/cases', file), JSON.stringify(argument)],
]

export const program = (name: string): string => join(root, 'native/build/Release', name)

async function startLayer(layer: string, group: Group, flags?: readonly string[]): Promise<LayerCase> {
  const { transport, algorithm, policy } = group
  const swtpm = transport === 'swtpm' ? await startSwtpm({ tcp: true }) : undefined
  const tcti = swtpm?.tcti ?? (layer === 'bare' ? 'libtpms' : 'embedded:')
  const setup = { root, layer, tcti, algorithm, policy }
  const argv = layer === 'bare' ? [program('bare'), tcti, algorithm] : nodeCase('sign.ts', setup, flags)
  return { layer, process: await CaseProcess.start(`${layer}, ${Object.values(group).join(', ')}`, argv), swtpm }
}

async function endLayer({ process, swtpm }: LayerCase): Promise<void> {
  await process.end()
  await swtpm?.stop()
}

const perSecond = ({ us, ms }: Run): number => (us.length * 1000) / ms

/** Of each round the value relative to that of the loop in C in the same round. */
function relative(runs: readonly Run[], bare: readonly Run[], value: (run: Run) => number): number {
  return rounded(median(runs.map((run, round) => value(run) / value(bare[round] ?? run))))
}

async function timesOf(group: Group, { rounds, slice }: Options): Promise<SignatureResult[]> {
  const cases: LayerCase[] = []
  for (const layer of ['bare', ...Object.keys(LAYERS)]) cases.push(await startLayer(layer, group))
  const callers = cases.filter(({ layer }) => layer !== 'bare')
  const results: SignatureResult[] = []
  let bareRuns: Run[] = []
  try {
    for (const one of cases) await one.process.ask<Run>(`run ${WARM_UP_MS} 0`)
    for (const { name: mode, request, among } of MODES) {
      if (among === 'callers' && group.policy === 'always') continue
      const asked = among === 'all' ? cases : callers
      const answers = await inTurns(asked, rounds, (one) => one.process.ask<Run | Many>(request(slice)))
      const bare = answers.get(cases[0] as LayerCase)
      if (mode === 'back to back') bareRuns = [...(bare ?? [])]
      for (const [{ layer }, runs] of answers) {
        const delays = runs.flatMap((run) => ('delay' in run ? [run.delay] : []))
        results.push({
          ...{ ...group, layer, mode, rate: rounded(median(runs.map(perSecond))) },
          ...latency(runs.flatMap(({ us }) => us)),
          ...(mode === 'spaced' ? {} : { ofBareRate: relative(runs, bareRuns, perSecond) }),
          ...(bare && { ofBareLatency: relative(runs, bare, ({ us }) => median(us)) }),
          ...(delays.length === 0 ? {} : { delay: rounded(median(delays)) }),
        })
      }
    }
  } finally {
    for (const one of cases) await endLayer(one)
  }
  return results
}

async function costsOf(group: Group): Promise<CostResult[]> {
  const results: CostResult[] = []
  for (const layer of Object.keys(LAYERS)) {
    const one = await startLayer(layer, group, COUNTING)
    try {
      await one.process.ask<Cost>(`cost ${COST_COUNT}`) // until all is compiled
      const before = await one.swtpm?.stateWrites()
      const cost = await one.process.ask<Cost>(`cost ${COST_COUNT}`)
      const writes =
        before === undefined ? cost.writes : (((await one.swtpm?.stateWrites()) ?? 0) - before) / COST_COUNT
      results.push({ ...group, layer, ...cost, writes, heap: Math.round(cost.heap), buffers: Math.round(cost.buffers) })
    } finally {
      await endLayer(one)
    }
  }
  return results
}

export async function measureSignatures(
  options: Options,
  say: (text: string) => void,
): Promise<{ signatures: SignatureResult[]; costs: CostResult[] }> {
  const signatures: SignatureResult[] = []
  const costs: CostResult[] = []
  for (const group of GROUPS) {
    const names = Object.values(group)
    const kinds = [TRANSPORTS, ALGORITHMS, POLICIES]
    if (!kinds.every((kind) => wanted(options, names, kind))) continue
    say(`signatures: ${names.join(', ')}`)
    signatures.push(...(await timesOf(group, options)))
    costs.push(...(await costsOf(group)))
  }
  return { signatures, costs }
}

export { WORDS as SIGNATURE_WORDS }
