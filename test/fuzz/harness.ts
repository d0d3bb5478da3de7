// Fuzzing by mutation: good inputs are damaged in many ways and handed to a target, which may refuse them in its own
// words and must do nothing else. Every case follows from the seed that is printed and its own number.
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { done } from '../support/done.ts'
import { firstSeed, Random } from '../support/random.ts'

export const LONG = process.env.TESSERA_TEST_LONG === '1'

/** Seconds of processor time that a fuzz test runs: as many cases on a busy machine as on a quiet one. */
export const FUZZ_SECONDS = LONG ? 600 : 5

export interface FuzzOptions {
  /** Errors with which a target refuses its input. */
  readonly refusals: ReadonlyArray<abstract new (...args: never[]) => Error>
  /** Milliseconds of processor time that no case may take. */
  readonly slowest?: number
  /** The seed, for the harness's own tests. */
  readonly seed?: number
}

type Mutation = (random: Random, octets: Uint8Array, seeds: readonly Uint8Array[]) => Uint8Array

const splice = (octets: Uint8Array, at: number, removed: number, inserted: Uint8Array): Uint8Array =>
  Uint8Array.from([...octets.subarray(0, at), ...inserted, ...octets.subarray(at + removed)])

/** Octets on which parsers of tags and lengths turn. */
const TURNING = [0x00, 0x01, 0x10, 0x1f, 0x20, 0x3f, 0x53, 0x5c, 0x5f, 0x7c, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0xff]

const MUTATIONS: readonly Mutation[] = [
  (random, octets) => {
    const at = random.below(octets.length)
    return splice(octets, at, 1, Uint8Array.of((octets[at] ?? 0) ^ (1 << random.below(8))))
  },
  (random, octets) => splice(octets, random.below(octets.length), 1, Uint8Array.of(random.pick(TURNING))),
  (random, octets) => splice(octets, random.below(octets.length), 1, Uint8Array.of(random.below(256))),
  (random, octets) => octets.slice(0, random.below(octets.length + 1)),
  (random, octets) => splice(octets, random.below(octets.length + 1), random.between(1, 8), new Uint8Array(0)),
  (random, octets) => splice(octets, random.below(octets.length + 1), 0, random.octets(random.between(1, 8))),
  (random, octets) => splice(octets, random.below(octets.length + 1), 0, Uint8Array.of(random.pick(TURNING))),
  (random, octets) => {
    const from = random.below(octets.length + 1)
    return splice(octets, random.below(octets.length + 1), 0, octets.slice(from, from + random.between(1, 32)))
  },
  (random, octets, seeds) => {
    const other = random.pick(seeds)
    return splice(octets, random.below(octets.length + 1), octets.length, other.slice(random.below(other.length + 1)))
  },
  (random) => random.octets(random.below(64)),
]

/** The input of case `number`: the same for the same seed. */
export function fuzzCase(seeds: readonly Uint8Array[], seed: number, number: number): Uint8Array {
  const random = new Random(seed ^ Math.imul(number + 1, 0x9e3779b1))
  let octets = Uint8Array.from(random.pick(seeds))
  for (let times = random.below(5); times > 0; times -= 1)
    octets = Uint8Array.from(random.pick(MUTATIONS)(random, octets, seeds))
  return octets
}

/** Milliseconds that this process has had a processor so far. Other programs do not make it longer. */
function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/**
 * Hands damaged `seeds` to `target` for so many seconds of processor time. A case fails when something other than a
 * refusal is thrown, or when it takes longer than `slowest`, also the second time (the first may have compiled code or
 * collected garbage). A target that refuses every case, also what nobody damaged, fails too. Answers the number of cases.
 */
export async function fuzz(
  name: string,
  seeds: readonly Uint8Array[],
  seconds: number,
  target: (octets: Uint8Array) => unknown,
  { refusals, slowest = 1000, seed = firstSeed() }: FuzzOptions,
): Promise<number> {
  const first = seed >>> 0
  console.log(`fuzz ${name}: TESSERA_TEST_SEED=${first}`)
  let taken = 0
  const attempt = async (octets: Uint8Array): Promise<number> => {
    const started = processorTime()
    try {
      await target(Uint8Array.from(octets))
      taken += 1
    } catch (error) {
      if (!refusals.some((refusal) => error instanceof refusal)) throw error
    }
    return processorTime() - started
  }
  const until = processorTime() + seconds * 1000
  let count = 0
  for (; processorTime() < until; count += 1) {
    const octets = fuzzCase(seeds, first, count)
    const where = `fuzz ${name}: TESSERA_TEST_SEED=${first}, case ${count}, input ${hex(octets)}`
    try {
      const slow = (await attempt(octets)) > slowest && (await attempt(octets)) > slowest
      if (slow) assert.unreachable(`${where}: took more than ${slowest} ms`)
    } catch (error) {
      if (error instanceof assert.Assertion) throw error
      throw new Error(`${where}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error })
    }
  }
  console.log(`fuzz ${name}: ${count} cases, ${taken} of them taken`)
  done(count, 'cases')
  assert.ok(taken > 0, `fuzz ${name}: every case was refused`)
  return count
}
