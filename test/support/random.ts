// Random values that can be had again: everything follows from a seed, which is printed.

/**
 * The same at each run, so that a change is not refused for what another one did. A test that runs for a time goes
 * further on a faster machine. `npm run test:long` looks for more.
 * TESSERA_TEST_SEED=N runs a test again as it was.
 */
export function firstSeed(): number {
  const { TESSERA_TEST_SEED: wanted, TESSERA_TEST_LONG: long } = process.env
  if (wanted !== undefined) return Number(wanted) >>> 0
  return long === '1' ? Math.floor(Math.random() * 0x1_0000_0000) : 1
}

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 32 bits: mulberry32, which is good enough to choose test cases and nothing else. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** An integer from 0 up to and without `limit`. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit)
  }

  /** An integer from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  octets(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0
  }
}

/** A source of random values whose seed is printed under `name`. */
export function seeded(name: string): Random {
  const seed = firstSeed()
  console.log(`${name}: TESSERA_TEST_SEED=${seed}`)
  return new Random(seed)
}
