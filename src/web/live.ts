// The cards as they are now, to every open page: told anew when a card file or a reader changes, and after every act.
import { type FSWatcher, watch } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { Home } from '../home/home.ts'
import { Mutex } from '../mutex.ts'
import { watchReaders } from '../pcsc/readers.ts'
import type { ShownState } from './shown.ts'
import { shownNow } from './view.ts'

/** A browser opens six connections to one server: as many pages as leave some for acts. */
const MOST_PAGES = 4
/** When another process lets a card go, shows it in a reader, or signs out, no card file changes: it is asked for, in milliseconds. */
const AGAIN_MS = 1000
const PASSING: readonly ShownState[] = ['in-use', 'busy']

export interface Page {
  /** Octets of an event stream. */
  write(event: string): void
  /** Told that another page takes its place. */
  end(): void
}

export class Live {
  readonly #place: { readonly tcti?: string }
  readonly #idleMs: number
  readonly #onIdle: () => void
  readonly #pages = new Set<Page>()
  /** Acts and listings take turns: a listing would find the TPM in use by an act. */
  readonly #turns = new Mutex()
  readonly #readers = watchReaders()
  #files: FSWatcher | undefined
  #idle: NodeJS.Timeout | undefined
  #again: NodeJS.Timeout | undefined
  #last: string | undefined
  #isListing = false
  #isClosed = false

  private constructor(place: { readonly tcti?: string }, idleMs: number, onIdle: () => void) {
    this.#place = place
    this.#idleMs = idleMs
    this.#onIdle = onIdle
    for (const event of ['reader-attached', 'reader-detached', 'card-inserted', 'card-removed'] as const)
      this.#readers.on(event, () => this.#changed())
    this.#rest()
  }

  /** `onIdle` is called when no page has been open for `idleMs`. */
  static async start(place: { readonly tcti?: string }, idleMs: number, onIdle: () => void): Promise<Live> {
    const { cards } = new Home()
    await mkdir(cards, { recursive: true, mode: 0o700 })
    const live = new Live(place, idleMs, onIdle)
    // A listing itself makes lock files there.
    live.#files = watch(cards, (_, file) => void (file?.endsWith('.card') && live.#changed()))
    live.#files.on('error', () => undefined)
    return live
  }

  /** A page is there, until the returned function is called. */
  add(page: Page): () => void {
    const [oldest] = this.#pages
    if (this.#pages.size === MOST_PAGES && oldest !== undefined) {
      oldest.write('event: moved\ndata: {}\n\n')
      this.#pages.delete(oldest)
      oldest.end()
    }
    this.#pages.add(page)
    clearTimeout(this.#idle)
    if (this.#last !== undefined) page.write(this.#last)
    this.#changed()
    return () => {
      if (this.#pages.delete(page) && this.#pages.size === 0) this.#rest()
    }
  }

  /** Runs an act, and tells the pages what came of it before it is answered. */
  act(work: () => Promise<void>): Promise<void> {
    return this.#turns.run(async () => {
      try {
        await work()
      } finally {
        await this.#tell()
      }
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#idle)
    clearTimeout(this.#again)
    this.#files?.close()
    this.#readers.close()
    for (const page of this.#pages) page.end()
    // Work under way is finished: it may be about a PIN.
    await this.#turns.run(async () => undefined)
  }

  #rest(): void {
    clearTimeout(this.#idle)
    if (!this.#isClosed) this.#idle = setTimeout(this.#onIdle, this.#idleMs)
  }

  /** However often something changes, one listing waits for its turn. */
  #changed(): void {
    if (this.#isListing || this.#isClosed || this.#pages.size === 0) return
    this.#isListing = true
    void this.#turns.run(() => {
      this.#isListing = false
      return this.#tell()
    })
  }

  async #tell(): Promise<void> {
    if (this.#isClosed) return
    try {
      const shown = await shownNow(this.#place)
      clearTimeout(this.#again)
      const isSignedIn = shown.accounts.some(({ signedIn }) => signedIn !== undefined)
      if (isSignedIn || shown.cards.some(({ state }) => PASSING.includes(state)))
        this.#again = setTimeout(() => this.#changed(), AGAIN_MS)
      const event = `event: cards\ndata: ${JSON.stringify(shown)}\n\n`
      if (event === this.#last) return
      this.#last = event
      for (const page of this.#pages) page.write(event)
    } catch {
      // The home cannot be read for now: what was told last stands.
    }
  }
}
