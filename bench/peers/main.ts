// Programs that do the same, in turns with Card: each in a process of its own, with a swtpm of its own.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Swtpm, startSwtpm } from '../../test/support/swtpm.ts'
import { ALGORITHMS } from '../cases/layers.ts'
import type { Run } from '../cases/protocol.ts'
import { installPackages } from '../install.ts'
import { commitOf, machine, versions } from '../machine.ts'
import { CaseProcess } from '../measure/process.ts'
import { inTurns } from '../measure/rounds.ts'
import { latency, median, rounded } from '../measure/statistics.ts'
import { type Options, readOptions } from '../options.ts'
import { root } from '../product.ts'
import { publish } from '../report/publish.ts'
import { endLayer, type LayerCase, startLayer, WARM_UP_MS } from '../suites/layer-case.ts'
import { type PeerResult, type PeerResults, peersFigures, peersMarkdown } from './report.ts'

const say = (text: string) => console.error(`bench: ${text}`)

/** Layers of the product that peers are compared with, and what they are called here. */
const OURS = { bare: 'bare loop in C', card: 'Card', reader: 'Card over PC/SC' } as const
/** Files of this folder. `tpm`: it gets a swtpm. */
const PEERS = {
  'tpm2-pkcs11 (pkcs11js)': { file: 'tpm2-pkcs11.ts', tpm: true },
  'OpenSC over the served card (pkcs11js)': { file: 'opensc.ts', tpm: true },
  tpm2_sign: { file: 'tpm2-sign.ts', tpm: true },
  'tpm2-tss (@2060.io/ffi-napi)': { file: 'ffi.ts', tpm: true },
  'SoftHSM2 (pkcs11js), no TPM': { file: 'softhsm2.ts', tpm: false },
} as const

async function startPeer(name: keyof typeof PEERS, algorithm: string): Promise<LayerCase> {
  const { file, tpm } = PEERS[name]
  const swtpm: Swtpm | undefined = tpm ? await startSwtpm({ tcp: true }) : undefined
  const argument = JSON.stringify({ algorithm, tcti: swtpm?.tcti ?? '' })
  const argv = [process.execPath, '--import', 'tsx', join(root, 'bench/peers', file), argument]
  return { name, process: await CaseProcess.start(`${name}, ${algorithm}`, argv), swtpm }
}

async function measure(algorithm: (typeof ALGORITHMS)[number], { rounds, slice }: Options): Promise<PeerResult[]> {
  const group = { transport: 'swtpm', algorithm, policy: 'once' } as const
  const cases: LayerCase[] = []
  const results: PeerResult[] = []
  try {
    for (const [layer, name] of Object.entries(OURS)) cases.push(await startLayer(layer, group, { name }))
    for (const name of Object.keys(PEERS) as (keyof typeof PEERS)[]) {
      try {
        cases.push(await startPeer(name, algorithm))
      } catch (error) {
        say(`${name} is left out: ${error instanceof Error ? error.message : error}`)
      }
    }
    for (const one of cases) await one.process.ask<Run>(`run ${WARM_UP_MS} 0`)
    const answers = await inTurns(cases, rounds, (one) => one.process.ask<Run>(`run ${slice} 0`))
    const card = cases.find(({ name }) => name === OURS.card)
    const own = (card && answers.get(card)) ?? []
    const perSecond = ({ us, ms }: Run) => (us.length * 1000) / ms
    for (const [{ name }, runs] of answers) {
      const ratios = runs.map((run, round) => perSecond(own[round] ?? run) / perSecond(run))
      const rate = rounded(median(runs.map(perSecond)))
      results.push({ algorithm, name, rate, ...latency(runs.flatMap(({ us }) => us)), cardIs: rounded(median(ratios)) })
    }
  } finally {
    for (const one of cases) await endLayer(one)
  }
  return results
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  installPackages(join(root, 'bench/peers'), say, true)
  const peers: PeerResult[] = []
  for (const algorithm of ALGORITHMS) {
    say(`peers: ${algorithm}`)
    peers.push(...(await measure(algorithm, options)))
  }
  const settings = { rounds: options.rounds, sliceMs: options.slice }
  const about = { format: 1, made: new Date().toISOString(), commit: commitOf(), machine: machine() } as const
  const results: PeerResults = { ...about, versions: versions(), settings, peers }
  const text = peersMarkdown(results)
  const places = [resolve(root, options.out), ...(options.publish ? [join(root, 'docs/performance')] : [])]
  for (const place of places) {
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, 'peers.json'), `${JSON.stringify(results, null, 1)}\n`)
    writeFileSync(join(place, 'peers.md'), text)
  }
  if (options.publish) publish('peers', peersFigures(results))
  console.log(text)
  say(`written to ${places.join(' and ')}`)
}

await main()
