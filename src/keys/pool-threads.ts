// A thread of libuv's pool that waits for a signature does nothing else. While a PIN is asked for, and tried, nobody knows
// how long that is; and files, which the card's own work needs too, are read by that pool. So half of it stays free then.
import { CardError } from '../errors.ts'

/** As libuv reads it when its pool begins. */
function poolSize(): number {
  const given = process.env.UV_THREADPOOL_SIZE
  if (given === undefined) return 4
  return Math.min(Math.max(Number.parseInt(given, 10) || 1, 1), 1024)
}

type Refuse = (error: CardError) => void

export class PoolThreads {
  readonly #most = poolSize() >> 1
  /** Those who wait, by the number of their request, in the order in which they came. */
  readonly #waiting = new Map<number, Refuse>()
  /** For whom a PIN is asked now. */
  readonly #asking = new Set<number>()

  /** @returns a function that says that the thread waits no more */
  enter(id: number, refuse: Refuse): () => void {
    this.#waiting.set(id, refuse)
    this.#thin()
    return () => this.#waiting.delete(id)
  }

  /**
   * From now on no more than half of the pool waits: the last to come are refused, and whoever comes.
   * @returns a function that ends it
   * @throws CardError ERR_KEY_BUSY where there is no such half
   */
  keepFree(id: number): () => void {
    if (this.#most === 0 && this.#waiting.has(id)) throw busy()
    this.#asking.add(id)
    this.#thin()
    return () => this.#asking.delete(id)
  }

  #thin(): void {
    if (this.#asking.size === 0) return
    for (const [id, refuse] of [...this.#waiting].reverse()) {
      if (this.#waiting.size <= this.#most) return
      if (this.#asking.has(id)) continue
      this.#waiting.delete(id)
      refuse(busy())
    }
  }
}

const busy = () =>
  new CardError(
    'ERR_KEY_BUSY',
    "Other signatures wait for the PIN already, and more would take all threads of Node's pool. Verify the PIN first (card.verifyPin), or ask for one signature and then for the others.",
  )
