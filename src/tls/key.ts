// The key of a card for TLS: its certificate, the keys of Node's OpenSSL from which the TLS thread gets signatures, one for
// each connection, and the PIN before either is needed.
import type { X509Certificate } from 'node:crypto'
import { wipe } from '../bytes.ts'
import { isCardError, PinError } from '../errors.ts'
import { operationOf } from '../keys/operations.ts'
import { pemOf, pkcs8 } from '../keys/pkcs8.ts'
import { requireProvider } from '../keys/provider.ts'
import { Mutex } from '../mutex.ts'
import { type NativeKeyRequest, type NativeProviderKey, native } from '../native.ts'
import { accessOf, type Card } from '../piv/host/card.ts'
import { KeptPin } from '../piv/host/kept-pin.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import type { AskPin } from '../piv/host/pin-request.ts'
import type { Secret } from '../piv/pin.ts'
import type { CardIdentity } from './messages.ts'

/** A connection whose handshake is under way. */
export interface Handshake {
  readonly signal: AbortSignal
  /** Called before the card signs: the PIN for it, to wipe after use. @throws TlsError if it has signed already */
  asked(): Uint8Array | undefined
  /** The card has signed, or why it has not. */
  answered(refusal?: unknown): void
}

export interface CardKeyOptions {
  readonly onPin?: Secret | AskPin | undefined
  readonly minTriesLeft: number
  /** How many ms OpenSSL waits for the card; 30 000 unless given. */
  readonly patience?: number
}

/** The card's key for one connection. */
export interface ConnectionKey {
  readonly identity: CardIdentity
  /** Refuses whoever waits for a signature, and whoever comes later. */
  close(): void
}

const LONGEST = 30_000
const TOO_LATE = 'The PIN was asked for before the handshake, and the server wants the signature after it.'

export class CardKey {
  readonly slot: string
  readonly certificate: X509Certificate
  readonly #cert: string
  readonly #spki: Uint8Array
  readonly #card: Card
  readonly #info: KeyInfo
  readonly #minTriesLeft: number
  readonly #pin: KeptPin
  readonly #patience: number
  /** Of the connections that there are. */
  readonly #keys = new Set<NativeProviderKey>()
  readonly #turns = new Mutex()
  readonly #closed = new AbortController()
  #unlocking: Promise<undefined> | undefined

  /** @throws CardError ERR_NO_PROVIDER */
  constructor(
    card: Card,
    info: KeyInfo,
    chain: readonly [X509Certificate, ...X509Certificate[]],
    options: CardKeyOptions,
  ) {
    requireProvider()
    this.slot = info.slot
    this.certificate = chain[0]
    this.#cert = chain.map(String).join('')
    this.#card = card
    this.#info = info
    this.#minTriesLeft = options.minTriesLeft
    this.#pin = new KeptPin(options.onPin)
    this.#patience = options.patience ?? LONGEST
    this.#spki = Uint8Array.from(info.publicKey.export({ type: 'spki', format: 'der' }))
  }

  /**
   * Unlocks the key before a handshake. Connections that need the PIN while the user is being asked share the answer; one
   * that was aborted does not ask.
   * @returns the PIN for this handshake, to wipe after use, if the key needs it for every use
   * @throws PinError as `verifyPin`, ERR_PIN_REQUIRED; what `onPin` throws
   */
  unlock(signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (this.#info.pinPolicy === 'never') return Promise.resolve(undefined)
    if (this.#info.pinPolicy === 'always') return this.#turns.run(() => this.#verified(signal))
    this.#unlocking ??= this.#verified(this.#closed.signal)
      .then(wipe)
      .then(() => undefined)
      .finally(() => {
        this.#unlocking = undefined
      })
    return this.#unlocking
  }

  /** The correct PIN from the user; undefined if the key needs none now. */
  async #verified(signal: AbortSignal): Promise<Uint8Array | undefined> {
    const minTriesLeft = this.#minTriesLeft
    const access = accessOf(this.#card)
    const always = this.#info.pinPolicy === 'always'
    if (!always && (await access.unlocked())) return undefined
    const { request, wanted } = await access.request(this.#info.slot, 'sign', { minTriesLeft })
    if (!wanted) return undefined
    signal.throwIfAborted()
    const pin = access.secrets.bytes(await this.#pin.ask(request), 'PIN')
    try {
      signal.throwIfAborted() // an aborted connection must not cost a try
      await access.verify(pin, minTriesLeft, always) // an `always` key gets it again with the signature
      return pin
    } catch (error) {
      wipe(pin)
      this.#pin.failed(error)
      throw error
    }
  }

  /** A key of OpenSSL for one connection, which has its own PIN and its own error. */
  begin(handshake: Handshake): ConnectionKey {
    const { ProviderKey } = native()
    const key: NativeProviderKey = new ProviderKey(this.#spki, (request) => void this.#sign(key, handshake, request))
    this.#keys.add(key)
    return {
      identity: { cert: this.#cert, key: pemOf(pkcs8(this.#spki, key.token)) },
      close: () => {
        this.#keys.delete(key)
        key.close()
      },
    }
  }

  /** Refuses all who wait for a signature. */
  close(): void {
    for (const key of this.#keys) key.close()
    this.#closed.abort()
    this.#pin.wipe()
  }

  async #sign(key: NativeProviderKey, handshake: Handshake, request: NativeKeyRequest): Promise<void> {
    const { signal } = handshake
    const refuse = (error?: unknown) => key.refuse(request.id, isCardError(error) ? error.code : 'refused')
    const letGo = () => void refuse()
    // TLS without forward secrecy would decrypt with the key.
    if (request.use !== 'sign') return letGo()
    const late = setTimeout(letGo, this.#patience).unref()
    signal.addEventListener('abort', letGo)
    let pin: Uint8Array | undefined
    try {
      pin = handshake.asked()
      if (pin === undefined && this.#info.pinPolicy === 'always') throw new PinError('ERR_PIN_REQUIRED', TOO_LATE)
      const options = { signal, minTriesLeft: this.#minTriesLeft, ...(pin && { pin }) }
      const operation = operationOf(request)
      const signature = await accessOf(this.#card).use(this.#info.slot, 'sign', options, () => operation)
      handshake.answered()
      key.answer(request.id, signature)
    } catch (error) {
      this.#pin.failed(error)
      handshake.answered(error)
      refuse(error)
    } finally {
      wipe(pin)
      clearTimeout(late)
      signal.removeEventListener('abort', letGo)
    }
  }
}
