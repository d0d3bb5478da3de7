/** Ends a turn before the promise of its work settles; a second call does nothing. */
export type Release = () => void

/** One piece of work at a time, in the order of asking. Not to be nested: work that waits for its own turn waits for ever. */
export class Mutex {
  #busy = false
  #starting = false
  readonly #waiting: (() => void)[] = []

  /**
   * Runs `work`, at once where nobody else has the turn. The turn ends when its promise settles, or when it calls
   * `release`: what it still does then is done beside the work that comes next. `ended` is called at the end of the turn.
   */
  run<T>(work: (release: Release) => Promise<T>, ended?: () => void): Promise<T> {
    if (!this.#busy && this.#waiting.length === 0) return this.#start(work, ended)
    return new Promise<T>((resolve) => {
      this.#waiting.push(() => resolve(this.#start(work, ended)))
    })
  }

  #start<T>(work: (release: Release) => Promise<T>, ended?: () => void): Promise<T> {
    this.#busy = true
    let over = false
    const release = () => {
      if (over) return
      over = true
      this.#busy = false
      ended?.()
      this.#next()
    }
    const result = begin(work, release)
    if (!over) result.then(release, release)
    return result
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
function begin<T>(work: (release: Release) => Promise<T>, release: Release): Promise<T> {
  try {
    return work(release)
  } catch (error) {
    return Promise.reject(error)
  }
}
