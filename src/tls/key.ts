// The key of a card for TLS: its certificate, the native signer from which the TLS thread gets signatures, and the PIN before
// either is needed.
import type { X509Certificate } from 'node:crypto'
import { wipe } from '../bytes.ts'
import { PinError, TlsError } from '../errors.ts'
import { Mutex } from '../mutex.ts'
import { type NativeSignatureRequest, type NativeTlsSigner, native } from '../native.ts'
import { accessOf, type Card } from '../piv/host/card.ts'
import { KeptPin } from '../piv/host/kept-pin.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import { signing, signingBlock } from '../piv/host/keys.ts'
import type { AskPin } from '../piv/host/pin-request.ts'
import { signatureParameters } from '../piv/host/signature.ts'
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
  /** How many ms OpenSSL waits for the card. */
  readonly patience?: number | undefined
}

const TOO_LATE = 'The PIN was asked for before the handshake, and the server wants the signature after it.'

export class CardKey {
  readonly slot: string
  readonly certificate: X509Certificate
  readonly #engine: string
  readonly #cert: string
  readonly #card: Card
  readonly #info: KeyInfo
  readonly #minTriesLeft: number
  readonly #pin: KeptPin
  readonly #signer: NativeTlsSigner
  readonly #handshakes = new Map<number, Handshake>()
  readonly #turns = new Mutex()
  readonly #closed = new AbortController()
  #unlocking: Promise<undefined> | undefined

  /** @throws TlsError ERR_NO_ENGINE */
  constructor(
    card: Card,
    info: KeyInfo,
    chain: readonly [X509Certificate, ...X509Certificate[]],
    options: CardKeyOptions,
  ) {
    const { TlsSigner, registerTlsEngine } = native()
    const engine = registerTlsEngine()
    if (engine === undefined) {
      throw new TlsError(
        'ERR_NO_ENGINE',
        "The OpenSSL of this Node.js has no engines, so its TLS cannot sign with a card's key. Serve the card (tessera serve NAME) and use it by PKCS#11, with OpenSC's module: docs/serve.md.",
      )
    }
    this.slot = info.slot
    this.#engine = engine
    this.certificate = chain[0]
    this.#cert = chain.map(String).join('')
    this.#card = card
    this.#info = info
    this.#minTriesLeft = options.minTriesLeft
    this.#pin = new KeptPin(options.onPin)
    const spki = info.publicKey.export({ type: 'spki', format: 'der' })
    this.#signer = new TlsSigner(Uint8Array.from(spki), (request) => void this.#sign(request), options.patience)
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

  /** From now on, signatures for this connection belong to this handshake. */
  begin(connection: number, handshake: Handshake): CardIdentity {
    this.#handshakes.set(connection, handshake)
    const privateKeyIdentifier = `${this.#signer.number}.${connection}`
    return { cert: this.#cert, privateKeyEngine: this.#engine, privateKeyIdentifier }
  }

  finish(connection: number): void {
    this.#handshakes.delete(connection)
  }

  /** Refuses all who wait for a signature. */
  close(): void {
    this.#signer.close()
    this.#closed.abort()
    this.#pin.wipe()
  }

  async #sign({ id, connection, kind, octets }: NativeSignatureRequest): Promise<void> {
    const handshake = this.#handshakes.get(connection)
    if (handshake === undefined) return void this.#signer.refuse(id)
    const { signal } = handshake
    const letGo = () => void this.#signer.refuse(id)
    signal.addEventListener('abort', letGo)
    let pin: Uint8Array | undefined
    try {
      pin = handshake.asked()
      if (pin === undefined && this.#info.pinPolicy === 'always') throw new PinError('ERR_PIN_REQUIRED', TOO_LATE)
      const operation = kind === 'digest' ? signing(octets, signatureParameters({})) : signingBlock(octets)
      const options = { signal, minTriesLeft: this.#minTriesLeft, ...(pin && { pin }) }
      const signature = await accessOf(this.#card).use(this.#info.slot, 'sign', options, () => operation)
      handshake.answered()
      this.#signer.answer(id, signature)
    } catch (error) {
      this.#pin.failed(error)
      handshake.answered(error)
      letGo()
    } finally {
      wipe(pin)
      signal.removeEventListener('abort', letGo)
    }
  }
}
