// The readers, the cards in them, and changes of both.
import { EventEmitter, on } from 'node:events'
import { PcscError } from '../errors.ts'
import { type NativeReaderState, native } from '../native.ts'
import { fromPcsc, wasGivenUp } from './codes.ts'

/** SCARD_STATE_ of pcsc-lite. */
const STATE = { unavailable: 0x0008, present: 0x0020, mute: 0x0200 } as const

export interface Reader {
  readonly name: string
  /** True while a card is in it. */
  readonly card: boolean
  /** Answer to reset of that card; undefined without one, and for a card that does not answer. */
  readonly atr: Uint8Array | undefined
}

function readerOf({ name, state, atr }: NativeReaderState): Reader {
  const card = (state & STATE.present) !== 0
  return { name, card, atr: card && atr.length > 0 && (state & STATE.mute) === 0 ? atr : undefined }
}

/**
 * The readers that PC/SC has. `waitMs`: how long pcscd may take to say so; without limit unless given.
 * @throws PcscError ERR_PCSC_UNAVAILABLE
 */
export async function listReaders({ waitMs }: { readonly waitMs?: number } = {}): Promise<Reader[]> {
  const { PcscConnection } = native()
  const connection = new PcscConnection()
  const timer = waitMs === undefined ? undefined : setTimeout(() => connection.cancel(), waitMs)
  try {
    return (await connection.readers()).map(readerOf)
  } catch (error) {
    if (!wasGivenUp(error)) throw fromPcsc(error)
    throw new PcscError(
      'ERR_PCSC_UNAVAILABLE',
      `pcscd has not answered for ${waitMs} ms. Restart it: systemctl restart pcscd.`,
    )
  } finally {
    clearTimeout(timer)
    void connection.close().catch(() => undefined)
  }
}

export type ReaderEvent =
  | { readonly type: 'reader-attached' | 'reader-detached' | 'card-inserted' | 'card-removed'; readonly reader: Reader }
  | { readonly type: 'error'; readonly error: Error }

interface ReaderEvents {
  'reader-attached': [Reader]
  'reader-detached': [Reader]
  'card-inserted': [Reader]
  'card-removed': [Reader]
  error: [Error]
}

/**
 * Tells what comes and goes; what is there already is told first. It outlives pcscd: when that stops, there is one
 * `error` (nobody needs to listen for it) and all is detached; when it is back, all is attached anew. Until `close` it keeps the process alive.
 * @example
 * for await (const event of watchReaders()) {
 *   if (event.type === 'card-inserted') console.log(event.reader.name)
 * }
 */
export class ReaderWatch extends EventEmitter<ReaderEvents> implements AsyncIterable<ReaderEvent>, AsyncDisposable {
  readonly #monitor
  readonly #closed = new AbortController()
  /** Separate from this object: an iterator treats an emitted `error` as its end. */
  readonly #feed = new EventEmitter()
  #known = new Map<string, NativeReaderState>()

  constructor() {
    super()
    const { PcscMonitor } = native()
    this.#monitor = new PcscMonitor((failure, readers) => {
      if (failure !== undefined) this.#tell({ type: 'error', error: fromPcsc(failure) as Error })
      this.#compare(new Map(readers.map((reader) => [reader.name, reader])))
    })
  }

  close(): void {
    this.#monitor.close()
    this.#closed.abort()
  }

  /** Events from now on; it ends with `close`, and leaving the loop closes. */
  [Symbol.asyncIterator](): AsyncGenerator<ReaderEvent, void, void> {
    return this.#iterate(on(this.#feed, 'event', { signal: this.#closed.signal }))
  }

  async *#iterate(events: AsyncIterable<ReaderEvent[]>): AsyncGenerator<ReaderEvent, void, void> {
    try {
      for await (const [event] of events) if (event !== undefined) yield event
    } catch (error) {
      if (!this.#closed.signal.aborted) throw error
    } finally {
      this.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  #compare(now: Map<string, NativeReaderState>): void {
    const before = this.#known
    this.#known = now
    for (const [name, old] of before) if (!now.has(name)) this.#changed(old, undefined)
    for (const [name, reader] of now) this.#changed(before.get(name), reader)
  }

  #changed(before: NativeReaderState | undefined, now: NativeReaderState | undefined): void {
    const [old, fresh] = [before && readerOf(before), now && readerOf(now)]
    // Taken out and put in since the last event: the card is another one, or has forgotten everything.
    const swapped = before !== undefined && now !== undefined && before.events !== now.events
    if (old === undefined && fresh !== undefined) this.#tell({ type: 'reader-attached', reader: fresh })
    if (old?.card && (!fresh?.card || swapped)) this.#tell({ type: 'card-removed', reader: fresh ?? old })
    if (fresh?.card && (!old?.card || swapped)) this.#tell({ type: 'card-inserted', reader: fresh })
    if (old !== undefined && fresh === undefined) this.#tell({ type: 'reader-detached', reader: old })
  }

  #tell(event: ReaderEvent): void {
    if (event.type !== 'error') this.emit(event.type, event.reader)
    else if (this.listenerCount('error') > 0) this.emit('error', event.error)
    this.#feed.emit('event', event)
  }
}

/** Watches the readers. @throws TpmError ERR_TPM_LIBRARY where the native part is not built */
export function watchReaders(): ReaderWatch {
  return new ReaderWatch()
}
