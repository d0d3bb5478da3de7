// One layer that signs, in a process of its own with a TPM of its own.
import { type Swtpm, startSwtpm } from '../../test/support/swtpm.ts'
import { nodeCase, program } from '../cases/command.ts'
import { ALGORITHMS, POLICIES, type Setup } from '../cases/layers.ts'
import { CaseProcess } from '../measure/process.ts'
import { type Options, wanted } from '../options.ts'
import { root } from '../product.ts'

const TRANSPORTS = ['embedded', 'swtpm'] as const

/** What a case does unmeasured: V8 compiles beside it, on threads of its own, until it has signed some thousand times. */
export const WARM_UP_MS = 2000

/** What is the same for the cases that take turns. */
export interface Group {
  readonly transport: (typeof TRANSPORTS)[number]
  readonly algorithm: Setup['algorithm']
  readonly policy: Setup['policy']
}

/** The groups that were asked for. */
export function groups(options: Options): Group[] {
  return TRANSPORTS.flatMap((transport) =>
    ALGORITHMS.flatMap((algorithm) => POLICIES.map((policy) => ({ transport, algorithm, policy }))),
  ).filter(
    ({ transport, algorithm, policy }) =>
      wanted(options, 'transports', transport) &&
      wanted(options, 'algorithms', algorithm) &&
      wanted(options, 'policies', policy),
  )
}

export interface LayerCase {
  /** The layer, or whose it is. */
  readonly name: string
  readonly process: CaseProcess
  readonly swtpm: Swtpm | undefined
}

export interface LayerOptions {
  readonly name?: string
  /** Another checkout than this one. */
  readonly checkout?: string
  readonly flags?: readonly string[]
}

/** `bare` is the loop in C, with libtpms in its process or over the TCTI of tpm2-tss for swtpm. */
export async function startLayer(layer: string, group: Group, options: LayerOptions = {}): Promise<LayerCase> {
  const { name = layer, checkout = root, flags } = options
  const { transport, algorithm, policy } = group
  const swtpm = transport === 'swtpm' ? await startSwtpm({ tcp: true }) : undefined
  const tcti = swtpm?.tcti ?? (layer === 'bare' ? 'libtpms' : 'embedded:')
  const setup = { root: checkout, layer, tcti, algorithm, policy }
  const argv = layer === 'bare' ? [program('bare'), tcti, algorithm] : nodeCase('sign.ts', setup, flags)
  return { name, process: await CaseProcess.start(`${name}, ${Object.values(group).join(', ')}`, argv), swtpm }
}

export async function endLayer({ process, swtpm }: LayerCase): Promise<void> {
  await process.end()
  await swtpm?.stop()
}
