// Whose turn it is at one TPM. Work that changes what is loaded has the TPM alone. A use of what is loaded is only
// posted to the TPM's thread, which keeps the order, so that the next use waits there while the TPM works on this one.

/** Answers false where it cannot be posted now, and whatever it throws is its caller's. */
interface Waiting {
  readonly post?: () => boolean
  readonly enter: () => void
}

export class Turns {
  #alone = false
  /** Uses that were posted and are not answered yet. */
  #posted = 0
  /** Uses that failed by no fault of their own: they come before all later ones. */
  readonly #again: Waiting[] = []
  readonly #line: Waiting[] = []

  /** Runs `work` with the TPM alone, in the order of asking. Not to be nested. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#runAlone(this.#line, work)
  }

  /** As `alone`, for a posted use that is to be done again: to be called before its `answered`. */
  again<T>(work: () => Promise<T>): Promise<T> {
    return this.#runAlone(this.#again, work)
  }

  /**
   * What `post` answers, where its turn is now and it answers something: then `answered` is to be called. `post` hands
   * commands to the TPM's thread, or answers undefined and has changed nothing.
   */
  postNow<T>(post: () => T | undefined): T | undefined {
    if (!this.#open) return undefined
    const posted = post()
    if (posted !== undefined) this.#posted += 1
    return posted
  }

  /** As `postNow`, when its turn comes. Where there is nothing to be posted then, `prepare` has the TPM alone before. */
  async post<T>(post: () => T | undefined, prepare: () => Promise<T>): Promise<{ readonly posted: T }> {
    let result: { readonly posted: T } | undefined
    let failure: { readonly error: unknown } | undefined
    await new Promise<void>((enter) => {
      const attempt = () => {
        try {
          const posted = post()
          if (posted === undefined) return false
          this.#posted += 1
          result = { posted }
        } catch (error) {
          failure = { error }
        }
        enter()
        return true
      }
      this.#line.push({ enter, post: attempt })
      this.#next()
    })
    if (failure !== undefined) throw failure.error
    if (result !== undefined) return result
    try {
      const posted = await prepare()
      this.#posted += 1
      return { posted }
    } finally {
      this.#leave()
    }
  }

  /** A posted use was answered, and nothing more of it is under way. */
  answered(): void {
    this.#posted -= 1
    this.#next()
  }

  get #open(): boolean {
    return !this.#alone && this.#line.length === 0 && this.#again.length === 0
  }

  async #runAlone<T>(line: Waiting[], work: () => Promise<T>): Promise<T> {
    if (this.#open && this.#posted === 0) this.#alone = true
    else await new Promise<void>((enter) => line.push({ enter }))
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #leave(): void {
    this.#alone = false
    this.#next()
  }

  #next(): void {
    while (!this.#alone) {
      const line = this.#again.length > 0 ? this.#again : this.#line
      const [first] = line
      if (first === undefined) return
      if (first.post?.() === true) {
        line.shift()
        continue
      }
      if (this.#posted > 0) return
      line.shift()
      this.#alone = true
      first.enter()
    }
  }
}
