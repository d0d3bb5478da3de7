// The way through PC/SC: one APDU to a card of ours and to one that answers at once; a card that nobody uses.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { tempDir } from '../../test/support/temp.ts'
import { nodeCase } from '../cases/command.ts'
import { furnished } from '../cases/layers.ts'
import type { Run } from '../cases/protocol.ts'
import { inReader, seen } from '../cases/reader.ts'
import type { ReadersSetup } from '../cases/readers.ts'
import { CaseProcess } from '../measure/process.ts'
import { inTurns } from '../measure/rounds.ts'
import { median } from '../measure/statistics.ts'
import { type Options, wanted } from '../options.ts'
import { root } from '../product.ts'
import type { SingleResult } from '../report/results.ts'
import { singleResult } from './singles.ts'

const CARDS: Readonly<Record<ReadersSetup['card'], string>> = {
  served: 'SELECT, card of `serve`',
  socket: 'SELECT, card of `serve --pcsc`, without pcscd and vpcd',
  quickack: 'a card in C that answers at once, TCP_QUICKACK',
  plain: 'the same without TCP_QUICKACK',
}
const IDLE_MS = 5000
/** Ticks of /proc/PID/stat a second. */
const TICKS = 100

async function exchanges({ rounds, slice }: Options): Promise<SingleResult[]> {
  const cases = new Map<string, CaseProcess>()
  try {
    for (const [card, name] of Object.entries(CARDS)) {
      const one = await CaseProcess.start(name, nodeCase('readers.ts', { card }))
      cases.set(name, one)
      await one.ask<Run>('run 300 0')
    }
    const answers = await inTurns([...cases.keys()], rounds, async (name) =>
      cases.get(name)?.ask<Run>(`run ${slice} 0`),
    )
    const group = 'one APDU through pcscd and vpcd'
    const times = [...answers].map(([name, runs]) => {
      const us = runs.flatMap((run) => [...(run?.us ?? [])])
      return singleResult(group, name, us, 'us')
    })
    const [served = [], socket = [], quick = [], plain = []] = answers.values()
    const against = (left: typeof served, right: typeof served) =>
      left.map((run, round) => median(run?.us ?? []) / median(right[round]?.us ?? []))
    return [
      ...times,
      singleResult(group, 'card of `serve` against TCP_QUICKACK', against(served, quick), 'times'),
      singleResult(group, 'card of `serve --pcsc` against card of `serve`', against(socket, served), 'times'),
      singleResult(group, 'without TCP_QUICKACK against card of `serve`', against(plain, served), 'times'),
    ]
  } finally {
    for (const one of cases.values()) await one.end()
  }
}

/** Processor time of a process so far, in milliseconds. */
function processorTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS
}

async function idle(): Promise<SingleResult[]> {
  const home = tempDir('bench')
  const setup = { root, layer: 'card', tcti: 'embedded:', algorithm: 'P-256', policy: 'once' } as const
  await (await furnished(setup, home)).card.close()
  const { served, reader, pcscd, stop } = await inReader({ root, home, tcti: 'embedded:' })
  try {
    await pause(IDLE_MS / 5) // until nothing of its start is left
    const before = processorTime(served.pid)
    await pause(IDLE_MS)
    const used = ((processorTime(served.pid) - before) * 100) / IDLE_MS
    await served.end()
    const insertions: number[] = []
    for (let i = 0; i < 5; i += 1) {
      const serve = [join(root, 'bin/tessera'), 'serve', 'bench', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`]
      const again = spawn(process.execPath, serve, { env: { ...process.env, TESSERA_HOME: home }, stdio: 'ignore' })
      insertions.push(await seen(reader))
      const exit = once(again, 'exit')
      again.kill('SIGTERM')
      await exit
      await pause(1000) // until PC/SC has seen that it is gone
    }
    return [
      singleResult('a served card', 'processor time while nobody uses it', [used], '%'),
      singleResult('a served card', 'from the start of `tessera serve` until programs see it', insertions),
    ]
  } finally {
    await stop()
  }
}

export async function measureReaders(options: Options, say: (text: string) => void): Promise<SingleResult[]> {
  if (!wanted(options, 'parts', 'readers')) return []
  say('readers')
  return [...(await exchanges(options)), ...(await idle())]
}
