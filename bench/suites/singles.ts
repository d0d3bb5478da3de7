// What is measured by itself: opening a card, making keys, 24 keys in turn, long messages, the command line.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startSwtpm } from '../../test/support/swtpm.ts'
import { tempDir } from '../../test/support/temp.ts'
import { nodeCase } from '../cases/command.ts'
import { CaseProcess } from '../measure/process.ts'
import { inTurns } from '../measure/rounds.ts'
import { quantile, rounded } from '../measure/statistics.ts'
import { type Options, wanted } from '../options.ts'
import { load, root } from '../product.ts'
import type { SingleResult } from '../report/results.ts'

type Unit = SingleResult['unit']

const unitOf = (name: string): Unit => (name.startsWith('loads') ? 'count' : name.endsWith(', us') ? 'us' : 'ms')

export function singleResult(group: string, name: string, samples: readonly number[], unit: Unit = 'ms'): SingleResult {
  const at = (part: number) => rounded(quantile(samples, part))
  return { group, name, unit, median: at(0.5), low: at(0.05), high: at(0.95), samples: samples.length }
}

/** Parts by the name on the command line, and how many samples one round is worth. */
const PARTS = {
  start: { what: 'opening', group: 'open a card', perRound: 2 },
  keys: { what: 'generating', group: 'make a key', perRound: 1 },
  many: { what: 'roundRobin', group: '24 keys', perRound: 1 },
  provider: { what: 'nodeKeys', group: 'keys of Node', perRound: 50 },
  hashing: { what: 'hashing', group: 'long messages', perRound: 0.4 },
} as const

async function measurePart(part: keyof typeof PARTS, { rounds }: Options): Promise<SingleResult[]> {
  const { what, group, perRound } = PARTS[part]
  const swtpm = await startSwtpm({ tcp: true })
  const results: SingleResult[] = []
  try {
    for (const [transport, tcti] of [
      ['embedded', 'embedded:'],
      ['swtpm', swtpm.tcti],
    ]) {
      const one = await CaseProcess.start(`${group}, ${transport}`, nodeCase('singles.ts', { what, tcti }))
      await one.ask('sample 1') // until all is loaded
      const samples = await one.ask<Record<string, number>[]>(`sample ${Math.ceil(rounds * perRound)}`)
      await one.end()
      for (const name of Object.keys(samples[0] ?? {})) {
        const values = samples.map((sample) => sample[name] ?? Number.NaN)
        results.push(singleResult(`${group}, ${transport}`, name, values, unitOf(name)))
      }
    }
  } finally {
    await swtpm.stop()
  }
  return results
}

/** The program from its start to the end of its process, and what Node itself takes of that. */
async function measureProgram({ rounds }: Options): Promise<SingleResult[]> {
  const swtpm = await startSwtpm({ tcp: true })
  const home = tempDir('cli')
  try {
    const { createCard } = await load(root, 'index')
    const card = await createCard({ name: 'bench', home, tcti: swtpm.tcti, pin: '483920', puk: 'open ?me' })
    await card.verifyPin('483920')
    await card.generateKey('9a')
    await card.close()
    const [pin, message, signature] = ['pin', 'message', 'signature'].map((name) => join(home, name))
    writeFileSync(pin ?? '', '483920\n', { mode: 0o600 })
    writeFileSync(message ?? '', 'what is signed')
    const tessera = join(root, 'bin/tessera')
    const commands: Readonly<Record<string, readonly string[]>> = {
      'node, an empty program': ['-e', '0'],
      'tessera --version': [tessera, '--version'],
      'tessera sign': [tessera, 'sign', '9a', message ?? '', '-o', signature ?? '', '--pin-file', pin ?? ''],
    }
    const answers = await inTurns(Object.keys(commands), rounds * 2, async (name) => {
      const before = performance.now()
      const { status, stderr } = spawnSync(process.execPath, commands[name] ?? [], {
        env: { ...process.env, TESSERA_HOME: home },
        encoding: 'utf8',
      })
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`)
      return performance.now() - before
    })
    return [...answers].map(([name, samples]) => singleResult('command line, swtpm', name, samples))
  } finally {
    await swtpm.stop()
  }
}

export async function measureSingles(options: Options, say: (text: string) => void): Promise<SingleResult[]> {
  const results: SingleResult[] = []
  for (const part of Object.keys(PARTS) as (keyof typeof PARTS)[]) {
    if (!wanted(options, 'parts', part)) continue
    say(PARTS[part].group)
    results.push(...(await measurePart(part, options)))
  }
  if (wanted(options, 'parts', 'cli')) {
    say('command line')
    results.push(...(await measureProgram(options)))
  }
  return results
}
