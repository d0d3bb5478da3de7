// What a comparison of two commits prints.
import { rounded } from '../measure/statistics.ts'
import type { SignatureResult } from './results.ts'
import { table } from './table.ts'

/** `ratio`: how often as fast this checkout is; above 1 it gained. */
export function comparedTable(commit: string, results: readonly SignatureResult[]): string {
  const mine = results.filter(({ layer }) => layer === 'this')
  const rows = mine.map((one) => {
    const same = (other: SignatureResult) =>
      (['transport', 'algorithm', 'policy', 'mode'] as const).every((name) => other[name] === one[name])
    const theirs = results.find((other) => other.layer === commit && same(other))
    const bare = results.find((other) => other.layer === 'bare' && same(other))
    const ratio = theirs && rounded(theirs.p50 / one.p50)
    return [one.transport, one.algorithm, one.policy, one.mode, bare?.p50, theirs?.p50, one.p50, ratio]
  })
  const head = ['transport', 'algorithm', 'policy', 'mode', 'bare, us', `${commit}, us`, 'this, us', 'ratio']
  return `Median latency of one signature by \`Card\`.\n\n${table(head, rows)}`
}
