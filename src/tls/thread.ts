// The worker thread that runs TLS, for all connections of an agent: started when it is first needed, and again
// after it has ended. It keeps the process alive while a connection does.
import { SHARE_ENV, type Worker } from 'node:worker_threads'
import { TlsError } from '../errors.ts'
import type { FromSockets, ToSockets } from './messages.ts'
import { startWorker } from './worker-file.ts'

/** This thread's end of a connection. */
export interface LineEnd {
  said(message: FromSockets): void
  /** The thread and its connections are gone. */
  lost(error: TlsError): void
}

export class TlsThread {
  #worker: Worker | undefined
  readonly #lines = new Map<number, LineEnd>()
  #last = 0
  #holders = 0
  #ended = false

  /** @throws TlsError ERR_TLS_CLOSED */
  assertOpen(): void {
    if (this.#ended) throw closed('The agent was destroyed: make another with cardAgent().')
  }

  /** The number of a new connection. @throws TlsError ERR_TLS_CLOSED */
  open(end: LineEnd): number {
    this.assertOpen()
    this.#worker ??= this.#start()
    this.#last += 1
    this.#lines.set(this.#last, end)
    return this.#last
  }

  tell(message: ToSockets, octets?: Uint8Array<ArrayBuffer>): void {
    this.#worker?.postMessage(message, octets === undefined ? [] : [octets.buffer])
  }

  /** Stops delivering messages of that connection. */
  forget(line: number): void {
    this.#lines.delete(line)
  }

  /** Counts the connections that keep the process alive. */
  hold(more: boolean): void {
    this.#holders += more ? 1 : -1
    if (this.#holders > 0) this.#worker?.ref()
    else this.#worker?.unref()
  }

  /** Ends it when its connections are gone and it no longer blocks. */
  end(): void {
    this.#ended = true
    void this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = startWorker({ name: 'tessera-tls', env: SHARE_ENV })
    let cause: unknown
    worker.on('message', (message: FromSockets) => this.#lines.get(message.line)?.said(message))
    worker.on('error', (error) => {
      cause = error
    })
    worker.on('exit', () => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#lose(closed('The thread that runs TLS has ended. The next connection begins another.', cause))
    })
    if (this.#holders === 0) worker.unref()
    return worker
  }

  #lose(error: TlsError): void {
    const ends = [...this.#lines.values()]
    this.#lines.clear()
    for (const end of ends) end.lost(error)
  }
}

const closed = (message: string, cause?: unknown) => new TlsError('ERR_TLS_CLOSED', message, { cause })
