// What OpenSSL asks of a key: each request becomes one use of the key on the card.
import { wipe } from '../bytes.ts'
import { CardError, hasCode, isCardError } from '../errors.ts'
import { Mutex } from '../mutex.ts'
import type { NativeKeyRequest, NativeProviderKey } from '../native.ts'
import { accessOf, type Card } from '../piv/host/card.ts'
import { KeptPin } from '../piv/host/kept-pin.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import type { Operation } from '../piv/host/keys.ts'
import type { AskPin, PinRequest } from '../piv/host/pin-request.ts'
import type { Secret } from '../piv/pin.ts'
import { willBeCause } from './cause.ts'
import { operationOf } from './operations.ts'
import { PoolThreads } from './pool-threads.ts'

const KEEPS_THE_LAST_TRY = 2

/** One for all keys of this thread. */
const poolThreads = new PoolThreads()

export class Requests {
  readonly info: KeyInfo
  readonly #card: Card
  readonly #pin: KeptPin
  readonly #minTriesLeft: number
  readonly #turns = new Mutex()
  readonly #closed = new AbortController()

  constructor(
    card: Card,
    info: KeyInfo,
    options: { readonly onPin?: AskPin | Secret; readonly minTriesLeft?: number },
  ) {
    this.info = info
    this.#card = card
    this.#pin = new KeptPin(options.onPin)
    this.#minTriesLeft = options.minTriesLeft ?? KEEPS_THE_LAST_TRY
  }

  /** Answers one request. Never throws. */
  serve(key: NativeProviderKey, request: NativeKeyRequest): void {
    const { id } = request
    const refuse = (error: unknown) => {
      willBeCause(id, error)
      key.refuse(id, isCardError(error) ? error.code : 'refused')
    }
    const left = request.pooled ? poolThreads.enter(id, refuse) : () => {}
    this.#use(request)
      .then((octets) => {
        key.answer(id, octets)
        wipe(octets) // a text or a secret, unless it is a signature
      }, refuse)
      .finally(left)
  }

  /** A question for the PIN that is answered from now on costs no try any more. */
  close(): void {
    this.#closed.abort(closed())
    this.#pin.wipe()
  }

  async #use(request: NativeKeyRequest): Promise<Uint8Array> {
    const { slot, pinPolicy } = this.info
    const operation = operationOf(request)
    const access = accessOf(this.#card)
    if (pinPolicy !== 'always') {
      try {
        return await access.use(slot, request.use, {}, () => operation)
      } catch (error) {
        if (!hasCode(error, 'ERR_PIN_REQUIRED')) throw error
      }
    }
    // One question at a time: whoever comes next finds the key unlocked.
    return this.#turns.run(() => this.#useWithPin(request, operation))
  }

  async #useWithPin({ id, use }: NativeKeyRequest, operation: Operation): Promise<Uint8Array> {
    const minTriesLeft = this.#minTriesLeft
    let answered = () => {}
    const pin = (question: PinRequest) => {
      answered = poolThreads.keepFree(id)
      return this.#ask(question)
    }
    try {
      return await accessOf(this.#card).use(this.info.slot, use, { pin, minTriesLeft }, () => operation)
    } catch (error) {
      this.#pin.failed(error)
      throw error
    } finally {
      answered()
    }
  }

  /** @throws CardError ERR_CARD_CLOSED where the key or its card is closed before the answer */
  async #ask(question: PinRequest): Promise<Secret> {
    const ends = [this.#closed.signal, accessOf(this.#card).closing]
    const { promise, reject } = withReject()
    const end = () => reject(closed())
    for (const signal of ends) signal.addEventListener('abort', end)
    try {
      if (ends.some(({ aborted }) => aborted)) throw closed()
      return await Promise.race([this.#pin.ask(question), promise])
    } finally {
      for (const signal of ends) signal.removeEventListener('abort', end)
    }
  }
}

const closed = () => new CardError('ERR_CARD_CLOSED', 'The card, or this key of it, was closed. Open it again.')

function withReject(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<never>((_, rejected) => {
    reject = rejected
  })
  promise.catch(() => {}) // nobody may be waiting
  return { promise, reject }
}
