// A TLS connection in the worker thread, as a Duplex that behaves like a TLSSocket.
import type { X509Certificate } from 'node:crypto'
import { wipe } from '../bytes.ts'
import { PinError, TlsError } from '../errors.ts'
import { connectionError } from './failure.ts'
import type { CardKey, ConnectionKey } from './key.ts'
import { type Facts, type FromSockets, PIECE, TELL_AT, type WorkerOptions } from './messages.ts'
import { SecureSocket } from './secure-socket.ts'
import type { LineEnd, TlsThread } from './thread.ts'
import { type Done, WriteWindow } from './write-window.ts'

export class CardSocket extends SecureSocket implements LineEnd {
  protected readonly certificate: X509Certificate
  /** Set by `setTimeout`. */
  timeout = 0
  readonly #thread: TlsThread
  readonly #key: CardKey
  #ownKey: ConnectionKey | undefined
  readonly #gaveUp = new AbortController()
  readonly #exports = new Map<number, (octets: Uint8Array | undefined) => void>()
  #calls = 0
  /** 0: the worker thread does not have this connection yet, or no longer. */
  #line = 0
  #keepsAlive = true
  #pin: Uint8Array | undefined
  #asked = false
  /** Why the card did not sign. */
  #refusal: unknown
  #handshakeTime: NodeJS.Timeout | undefined
  #idleTime: NodeJS.Timeout | undefined
  readonly #outbox = new WriteWindow((octets) => this.#tell({ do: 'data', line: this.#line, octets }, octets))
  #finalDone: (() => void) | undefined
  /** Octets received and not read yet; octets read and not acknowledged to the worker thread yet. */
  #unread = 0
  #taken = 0

  constructor(thread: TlsThread, key: CardKey, options: () => WorkerOptions, handshakeTimeout: number) {
    super({ highWaterMark: PIECE })
    this.#thread = thread
    this.#key = key
    this.certificate = key.certificate
    void this.#begin(options, handshakeTimeout)
  }

  // --- Handshake -----------------------------------------------------------------------

  async #begin(prepare: () => WorkerOptions, handshakeTimeout: number): Promise<void> {
    await undefined // the caller can listen to errors only once it has the socket
    try {
      this.#thread.assertOpen()
      const options = prepare()
      this.allowHalfOpen = options.allowHalfOpen ?? false
      const pin = await this.#key.unlock(this.#gaveUp.signal)
      if (this.destroyed) return wipe(pin)
      this.#pin = pin
      this.#line = this.#thread.open(this)
      if (this.#keepsAlive) this.#thread.hold(true)
      this.#ownKey = this.#key.begin({
        signal: this.#gaveUp.signal,
        asked: () => {
          if (this.#asked) throw again()
          this.#asked = true
          this.#refusal = unanswered()
          return this.#takePin()
        },
        answered: (refusal) => {
          this.#refusal = refusal
        },
      })
      this.#thread.tell({ do: 'connect', line: this.#line, options, identity: this.#ownKey.identity })
      this.#handshakeTime = setTimeout(() => this.destroy(late(handshakeTimeout)), handshakeTimeout).unref()
    } catch (error) {
      // `onPin` may reject with undefined.
      this.destroy((error || new PinError('ERR_PIN_REQUIRED', 'The PIN was asked for, and not given.')) as Error)
    }
  }

  #takePin(): Uint8Array | undefined {
    const pin = this.#pin
    this.#pin = undefined
    return pin
  }

  #secure(facts: Facts): void {
    clearTimeout(this.#handshakeTime)
    wipe(this.#takePin())
    this.facts = facts
    this.emit('secureConnect')
    this.#flush()
    if (this.#finalDone !== undefined) this.#tell({ do: 'end', line: this.#line })
  }

  // --- Messages from the worker thread ---------------------------------------------------------------------------------

  said(message: FromSockets): void {
    switch (message.say) {
      case 'connected':
        this.connecting = false
        this.addresses = message.addresses
        this.emit('connect')
        this.emit('ready')
        break
      case 'secure':
        this.#secure(message.facts)
        break
      case 'data':
        this.#received(message.octets)
        break
      case 'taken':
        this.#outbox.taken(message.count)
        this.#flush()
        break
      case 'end':
        this.push(null)
        this.read(0) // an idle connection that is kept for later has no reader
        break
      case 'finished':
        this.#finished()
        break
      case 'error':
        this.destroy(connectionError(message.error, this.#key.slot, this.#refusal))
        break
      case 'exported':
        this.#exports.get(message.call)?.(message.octets)
        break
      case 'closed':
        this.#closed()
    }
  }

  /** The agent is destroyed. As in Node, only a handshake in progress fails. */
  giveUp(): void {
    const message = 'The agent was destroyed before this connection was made.'
    this.destroy(this.facts === undefined ? new TlsError('ERR_TLS_CLOSED', message) : undefined)
  }

  lost(error: TlsError): void {
    this.#leave()
    this.destroy(error)
  }

  // --- Methods of a socket ---------------------------------------------------------------------------------------

  ref(): this {
    return this.#hold(true)
  }

  unref(): this {
    return this.#hold(false)
  }

  setKeepAlive(on = false, delay = 0): this {
    this.#tell({ do: 'keepAlive', line: this.#line, on, delay })
    return this
  }

  setNoDelay(on = true): this {
    this.#tell({ do: 'noDelay', line: this.#line, on })
    return this
  }

  /** Emits `timeout` after so many ms without data in either direction; 0: never. */
  setTimeout(ms: number, listener?: () => void): this {
    this.timeout = ms
    clearTimeout(this.#idleTime)
    this.#idleTime = ms > 0 && !this.destroyed ? setTimeout(() => this.emit('timeout'), ms).unref() : undefined
    if (listener !== undefined && ms > 0) this.once('timeout', listener)
    else if (listener !== undefined) this.off('timeout', listener)
    return this
  }

  /** Closes the connection when everything is written. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /** RFC 5705, RFC 8446, 7.5. @throws TlsError ERR_TLS_CLOSED */
  exportKeyingMaterial(length: number, label: string, context?: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#calls += 1
      const call = this.#calls
      const done = (octets: Uint8Array | undefined) => {
        this.#exports.delete(call)
        if (octets !== undefined) resolve(Buffer.from(octets))
        else reject(new TlsError('ERR_TLS_CLOSED', 'No keying material can be exported: the connection is not open.'))
      }
      if (this.facts === undefined || this.#line === 0) return done(undefined)
      this.#exports.set(call, done)
      this.#tell({ do: 'export', line: this.#line, call, length, label, context })
    })
  }

  // --- Methods of a stream ------------------------------------------------------------------------------------------

  override _write(chunk: Uint8Array, _: BufferEncoding, done: Done): void {
    this.#outbox.put(chunk, done)
    this.#flush()
  }

  override _writev(chunks: ReadonlyArray<{ chunk: Uint8Array }>, done: Done): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'utf8', done)
  }

  override _final(done: () => void): void {
    this.#finalDone = done
    if (this.facts !== undefined && this.#line === 0) this.#finished()
    else if (this.facts !== undefined) this.#tell({ do: 'end', line: this.#line })
  }

  override _read(): void {
    this.#taken += this.#unread
    this.#unread = 0
    if (this.#taken < TELL_AT) return
    this.#tell({ do: 'taken', line: this.#line, count: this.#taken })
    this.#taken = 0
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#handshakeTime)
    clearTimeout(this.#idleTime)
    wipe(this.#takePin())
    this.#gaveUp.abort()
    this.#tell({ do: 'destroy', line: this.#line })
    this.#leave()
    this.#outbox.drop(error ?? unwritten())
    done(error)
  }

  #flush(): void {
    if (this.facts === undefined) return
    this.#active()
    if (this.#line === 0) this.#outbox.drop(unwritten())
    else this.#outbox.flush()
  }

  #received(octets: Uint8Array): void {
    this.#active()
    this.#unread += octets.length
    if (this.push(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength))) this._read()
  }

  /** The write is done; several events may say so. */
  #finished(): void {
    const done = this.#finalDone
    this.#finalDone = undefined
    done?.()
  }

  #closed(): void {
    this.#leave()
    this.#flush()
    this.#finished()
    if (this.facts === undefined) return void this.destroy(new TlsError('ERR_TLS_CLOSED', 'The connection was closed.'))
    // After an orderly end, received data can still be read; its end closes this side.
    if (!this.readableEnded && this.readable) return
    this.destroy()
  }

  /** The worker thread no longer has this connection. */
  #leave(): void {
    if (this.#line === 0) return
    this.#ownKey?.close()
    this.#thread.forget(this.#line)
    if (this.#keepsAlive) this.#thread.hold(false)
    this.#line = 0
    for (const done of this.#exports.values()) done(undefined)
  }

  #tell(...message: Parameters<TlsThread['tell']>): void {
    if (this.#line !== 0) this.#thread.tell(...message)
  }

  #hold(hold: boolean): this {
    if (hold !== this.#keepsAlive && this.#line !== 0) this.#thread.hold(hold)
    this.#keepsAlive = hold
    return this
  }

  #active(): void {
    this.#idleTime?.refresh()
  }
}

const unanswered = () => new TlsError('ERR_TLS_TIMEOUT', 'The card did not sign in time.')
/** Before TLS 1.3 a server may renegotiate as often as it likes. */
const again = () =>
  new TlsError('ERR_TLS_HANDSHAKE', 'The card has signed for this connection already, and does so only once.')
const unwritten = () => new TlsError('ERR_TLS_CLOSED', 'The connection was closed before this was written.')
const late = (ms: number) =>
  new TlsError('ERR_TLS_TIMEOUT', `The server and the card did not finish their handshake within ${ms / 1000} s.`)
