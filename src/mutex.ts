/** One turn at a mutex. */
export interface Turn {
  over: boolean
  /** Called at the end of the turn. */
  ended?(): void
}

/** One piece of work at a time, in the order of asking. Not to be nested: work that waits for its own turn waits for ever. */
export class Mutex {
  #busy = false
  #starting = false
  readonly #waiting: (() => void)[] = []

  /** Runs `work`, at once where nobody else has the turn, which ends when the promise of `work` settles, or by `end`. */
  run<T>(work: () => Promise<T>, turn: Turn = { over: false }): Promise<T> {
    if (!this.#busy && this.#waiting.length === 0) return this.#start(work, turn)
    return new Promise<T>((resolve) => {
      this.#waiting.push(() => resolve(this.#start(work, turn)))
    })
  }

  /**
   * Ends a turn that has begun: what its work still does is done beside the work that comes next. A second call does
   * nothing.
   */
  end(turn: Turn): void {
    if (turn.over) return
    turn.over = true
    this.#busy = false
    turn.ended?.()
    this.#next()
  }

  #start<T>(work: () => Promise<T>, turn: Turn): Promise<T> {
    this.#busy = true
    const result = begin(work)
    if (!turn.over) this.#endAfter(result, turn)
    return result
  }

  #endAfter(result: Promise<unknown>, turn: Turn): void {
    const end = () => this.end(turn)
    result.then(end, end)
  }

  /** A loop and no recursion: work may end its turn before it returns. */
  #next(): void {
    if (this.#starting) return
    this.#starting = true
    while (!this.#busy) {
      const start = this.#waiting.shift()
      if (start === undefined) break
      start()
    }
    this.#starting = false
  }
}

/** What `work` throws at once is a rejection like any other. */
export function begin<T>(work: () => Promise<T>): Promise<T> {
  try {
    return work()
  } catch (error) {
    return Promise.reject(error)
  }
}
