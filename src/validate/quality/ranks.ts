// Tests by rank: they assume nothing of how latencies are distributed, and outliers do not disturb them.
import { normalTails } from './probability.ts'

/** The rank of each value from 0 on; equal values share the mean of their ranks. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0))
  const result = new Array<number>(values.length).fill(0)
  for (let from = 0; from < order.length; ) {
    let to = from
    while (to + 1 < order.length && values[order[to + 1] ?? 0] === values[order[from] ?? 0]) to += 1
    for (let i = from; i <= to; i += 1) result[order[i] ?? 0] = (from + to) / 2
    from = to + 1
  }
  return result
}

/** Spearman's rank correlation, and the chance of one as strong where there is none. */
export function spearman(left: readonly number[], right: readonly number[]): { rho: number; p: number } {
  const a = ranks(left)
  const b = ranks(right)
  const mean = (a.length - 1) / 2
  let both = 0
  let ofA = 0
  let ofB = 0
  for (let i = 0; i < a.length; i += 1) {
    const x = (a[i] ?? 0) - mean
    const y = (b[i] ?? 0) - mean
    both += x * y
    ofA += x * x
    ofB += y * y
  }
  const rho = ofA > 0 && ofB > 0 ? both / Math.sqrt(ofA * ofB) : 0
  return { rho, p: normalTails(rho * Math.sqrt(Math.max(0, a.length - 1))) }
}

/** The test of Mann and Whitney: the chance that two groups differ as much where both have one distribution. */
export function mannWhitney(left: readonly number[], right: readonly number[]): { z: number; p: number } {
  const [n, m] = [left.length, right.length]
  if (n === 0 || m === 0) return { z: 0, p: 1 }
  const all = ranks([...left, ...right])
  const sum = all.slice(0, n).reduce((total, rank) => total + rank + 1, 0)
  const u = sum - (n * (n + 1)) / 2
  const sizes = new Map<number, number>()
  for (const rank of all) sizes.set(rank, (sizes.get(rank) ?? 0) + 1)
  const ties = [...sizes.values()].reduce((total, t) => total + t ** 3 - t, 0)
  const variance = ((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
  const z = variance > 0 ? (u - (n * m) / 2) / Math.sqrt(variance) : 0
  return { z, p: normalTails(z) }
}
