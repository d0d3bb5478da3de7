// Turns at one TPM. Work that changes what is loaded has the TPM alone. A use of loaded keys is only posted to the TPM's
// thread, which keeps the order, so that the next use already waits there while the TPM works on this one.

/** `post` returns false where it cannot post now. Its errors belong to its caller. */
interface Waiting {
  readonly post?: () => boolean
  readonly enter: () => void
}

export class Turns {
  #alone = false
  /** Uses that are posted and not yet answered. */
  #posted = 0
  /** Uses that failed by no fault of their own: they are repeated before all later ones. */
  readonly #again: Waiting[] = []
  readonly #line: Waiting[] = []

  /** Runs `work` with the TPM alone, in the order of the calls. Not to be nested. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#runAlone(this.#line, work)
  }

  /** As `alone`, to repeat a posted use: call it before that use's `answered`. */
  again<T>(work: () => Promise<T>): Promise<T> {
    return this.#runAlone(this.#again, work)
  }

  /**
   * The result of `post`, if its turn is now and it posts; `answered` must then be called. `post` hands commands to the
   * TPM's thread, or returns undefined without changing anything.
   */
  postNow<T>(post: () => T | undefined): T | undefined {
    if (!this.#open) return undefined
    const posted = post()
    if (posted !== undefined) this.#posted += 1
    return posted
  }

  /** As `postNow`, but waits for its turn. Where `post` cannot post then, `prepare` has the TPM alone instead. */
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

  /** To be called when a posted use is answered, and nothing more of it is under way. */
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
