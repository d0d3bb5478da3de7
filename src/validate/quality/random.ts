// Random numbers: FIPS 140-1 and SP 800-22 in their shape, SP 800-90B for the health tests and the estimates.
import { ATTACKS } from './attacks.ts'
import { atLeast, below, byChance, type Figure } from './figure.ts'
import { binomialTail, chiSquaredOf, chiSquaredTail, normalTails } from './probability.ts'

/** Fewer octets than this do not suffice for the estimates of entropy. */
export const RANDOM_OCTETS = 16_384

/** Rate of false alarms of the health tests for one sample: SP 800-90B, 4.3 recommends 2^-20 to 2^-40. */
const HEALTH_ALARM = 2 ** -40
/** Window of the adaptive proportion test for samples of more than two values: SP 800-90B, 4.4.2. */
const WINDOW = 512

interface Bits {
  readonly count: number
  readonly ones: number
  /** Runs of equal bits, and the longest of them. */
  readonly runs: number
  readonly longest: number
  /** How often a bit follows a bit: 00, 01, 10, 11. */
  readonly pairs: readonly number[]
}

function bitsOf(octets: Uint8Array): Bits {
  const pairs = [0, 0, 0, 0]
  let [ones, runs, longest, run, last] = [0, 0, 0, 0, -1]
  for (const octet of octets) {
    for (let at = 7; at >= 0; at -= 1) {
      const bit = (octet >> at) & 1
      ones += bit
      if (last >= 0) pairs[last * 2 + bit] = (pairs[last * 2 + bit] ?? 0) + 1
      run = bit === last ? run + 1 : 1
      if (run === 1) runs += 1
      longest = Math.max(longest, run)
      last = bit
    }
  }
  return { count: octets.length * 8, ones, runs, longest, pairs }
}

/** SP 800-22, 2.1. */
export function monobit({ count, ones }: Pick<Bits, 'count' | 'ones'>): { z: number; p: number } {
  const z = (2 * ones - count) / Math.sqrt(count)
  return { z, p: normalTails(z) }
}

/** SP 800-22, 2.3. */
export function runsTest({ count, ones, runs }: Pick<Bits, 'count' | 'ones' | 'runs'>): { z: number; p: number } {
  const share = ones / count
  const spread = 2 * Math.sqrt(count) * share * (1 - share)
  const z = spread === 0 ? Number.POSITIVE_INFINITY : (runs - 2 * count * share * (1 - share)) / spread
  return { z, p: Number.isFinite(z) ? normalTails(z) : 0 }
}

function countsOf(values: Iterable<number>, cells: number): number[] {
  const counts = new Array<number>(cells).fill(0)
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

function* nibbles(octets: Uint8Array): Generator<number> {
  for (const octet of octets) {
    yield octet >> 4
    yield octet & 15
  }
}

/** The cutoff of the repetition count test for samples of `entropy` bits: SP 800-90B, 4.4.1. */
export const repetitionCutoff = (entropy: number, alarm = HEALTH_ALARM): number =>
  1 + Math.ceil(-Math.log2(alarm) / entropy)

/** The cutoff of the adaptive proportion test, 1 + CRITBINOM(W, 2^-H, 1 - alarm): SP 800-90B, 4.4.2. */
export function proportionCutoff(entropy: number, window = WINDOW, alarm = HEALTH_ALARM): number {
  for (let cutoff = 1; ; cutoff += 1) if (binomialTail(cutoff, window, 2 ** -entropy) <= alarm) return cutoff
}

/** The most octets in a row that are equal. */
export function longestRepetition(octets: Uint8Array): number {
  let [longest, run] = [0, 0]
  octets.forEach((octet, at) => {
    run = at > 0 && octet === octets[at - 1] ? run + 1 : 1
    longest = Math.max(longest, run)
  })
  return longest
}

/** How often the first octet of a window occurs in it, at most. */
export function greatestProportion(octets: Uint8Array, window = WINDOW): number {
  let greatest = 0
  for (let from = 0; from + window <= octets.length; from += window) {
    let count = 0
    for (let at = from; at < from + window; at += 1) if (octets[at] === octets[from]) count += 1
    greatest = Math.max(greatest, count)
  }
  return greatest
}

/** Bits of entropy in a sample, by the most common value: SP 800-90B, 6.3.1. */
export function commonValueEntropy(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const share = Math.max(...counts) / total
  return -Math.log2(Math.min(1, share + 2.576 * Math.sqrt((share * (1 - share)) / (total - 1))))
}

/** Bits of entropy in a bit, by which bit follows which: SP 800-90B, 6.3.3. */
export function markovEntropy({ count, ones, pairs }: Pick<Bits, 'count' | 'ones' | 'pairs'>): number {
  const [zz = 0, zo = 0, oz = 0, oo = 0] = pairs
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole)
  const p1 = ones / count
  const p0 = 1 - p1
  const [p00, p01, p10, p11] = [share(zz, zz + zo), share(zo, zz + zo), share(oz, oz + oo), share(oo, oz + oo)]
  const logs = [
    Math.log2(p0) + 127 * Math.log2(p00),
    Math.log2(p0) + 64 * Math.log2(p01) + 63 * Math.log2(p10),
    Math.log2(p0) + Math.log2(p01) + 126 * Math.log2(p11),
    Math.log2(p1) + Math.log2(p10) + 126 * Math.log2(p00),
    Math.log2(p1) + 64 * Math.log2(p10) + 63 * Math.log2(p01),
    Math.log2(p1) + 127 * Math.log2(p11),
  ]
  return Math.min(1, -Math.max(...logs) / 128)
}

/** How many sequences of eight octets occurred before, at any place. */
export function repeatedSequences(octets: Uint8Array): number {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  const seen = new Set<bigint>()
  for (let at = 0; at + 8 <= octets.length; at += 1) seen.add(view.getBigUint64(at))
  return Math.max(0, octets.length - 7) - seen.size
}

/** All figures over what a random number generator gave, in order. */
export function randomFigures(octets: Uint8Array): Figure[] {
  const bits = bitsOf(octets)
  const attack = ATTACKS.guessing
  const poker = chiSquaredOf(countsOf(nibbles(octets), 16))
  const values = countsOf(octets, 256)
  const chi = chiSquaredOf(values)
  const [mono, runs] = [monobit(bits), runsTest(bits)]
  const longRun = Math.ceil(Math.log2(bits.count) + 20)
  const n = octets.length
  const figures = [
    byChance('monobit: ones against zeros (z)', mono.z, mono.p, attack),
    byChance('runs of equal bits (z)', runs.z, runs.p, attack),
    byChance('poker: groups of 4 bits (chi squared, 15)', poker, chiSquaredTail(poker, 15), attack),
    byChance('octets (chi squared, 255)', chi, chiSquaredTail(chi, 255), attack),
    below('longest run of equal bits', bits.longest, longRun, bits.count * 2 ** -longRun, attack),
    below('repetition count', longestRepetition(octets), repetitionCutoff(8), n * HEALTH_ALARM, attack),
    below('adaptive proportion', greatestProportion(octets), proportionCutoff(8), (n / WINDOW) * HEALTH_ALARM, attack),
    below('sequences of 8 octets seen before', repeatedSequences(octets), 1, (n * n) / 2 / 2 ** 64, attack),
  ]
  if (n < RANDOM_OCTETS) return figures
  // Further from what an honest source gives here than any rate of false alarms that could be stated.
  return [
    ...figures,
    atLeast('entropy of an octet, most common value (bits)', commonValueEntropy(values), 6, 1e-30, attack),
    atLeast('entropy of a bit, Markov (bits)', markovEntropy(bits), 0.9, 1e-30, attack),
  ]
}
