// The PIN of whoever uses a key many times: asked for each time, or given once.
import { secretBytes, wipe } from '../../bytes.ts'
import { PinError } from '../../errors.ts'
import type { Secret } from '../pin.ts'
import type { AskPin, PinRequest } from './pin-request.ts'

export class KeptPin {
  readonly #ask: AskPin | undefined
  readonly #given: Uint8Array | undefined
  #refusal: PinError | undefined

  constructor(pin: Secret | AskPin | undefined) {
    if (typeof pin === 'function') this.#ask = pin
    else if (pin !== undefined) this.#given = secretBytes(pin)
  }

  /** @throws PinError ERR_PIN_REQUIRED; the earlier error for a fixed PIN that was wrong */
  async ask(request: PinRequest): Promise<Secret> {
    if (this.#ask !== undefined) return this.#ask(request)
    if (this.#refusal !== undefined) throw this.#refusal
    if (this.#given !== undefined) return this.#given
    throw new PinError('ERR_PIN_REQUIRED', `${request.reason} Give it, or a function that asks for it: { onPin }.`)
  }

  /** A fixed PIN that was wrong is not tried again, which would cost another try. */
  failed(error: unknown): void {
    const wrong = error instanceof PinError && error.code === 'ERR_PIN_WRONG'
    if (this.#given !== undefined && wrong) this.#refusal = error
  }

  wipe(): void {
    wipe(this.#given)
  }
}
