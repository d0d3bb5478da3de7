// What it costs to have the TPM on a thread of its own: two threads in C, woken in turn, with a signature's time of work
// between. On processors that have gone idle, as on any that are busy, the card pays the same.
import { program } from '../cases/command.ts'
import { CaseProcess } from '../measure/process.ts'
import { type Options, wanted } from '../options.ts'
import type { SingleResult } from '../report/results.ts'
import { singleResult } from './singles.ts'

interface Hops {
  readonly there: readonly number[]
  readonly back: readonly number[]
}

/** `work` in microseconds: about a signature with P-256, and with RSA-2048. `gap`: milliseconds between two of them. */
const CASES = [
  { work: 250, gap: 0 },
  { work: 2000, gap: 0 },
  { work: 250, gap: 20 },
] as const

export async function measureHops(options: Options, say: (text: string) => void): Promise<SingleResult[]> {
  if (!wanted(options, 'parts', 'hops')) return []
  say('hops')
  const results: SingleResult[] = []
  for (const { work, gap } of CASES) {
    const one = await CaseProcess.start(`hops, ${work}`, [program('hops'), String(work)])
    const { there, back } = await one.ask<Hops>(`run ${options.rounds * options.slice} ${gap}`)
    await one.end()
    const group = `waking a thread in C, ${work} us of work${gap > 0 ? `, ${gap} ms apart` : ''}`
    results.push(singleResult(group, 'there: a condition', there, 'us'))
    results.push(singleResult(group, 'back: eventfd and epoll', back, 'us'))
  }
  return results
}
