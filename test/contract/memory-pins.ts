// PIN and PUK of a card in memory: counters, and what a verified PIN leaves behind.
import { equal } from '../../src/bytes.ts'
import { PinError } from '../../src/errors.ts'
import type { DefaultSecret } from '../../src/piv/card/context.ts'
import type { PinVault, TryCounter } from '../../src/piv/card/vault.ts'
import type { PinPolicy } from '../../src/piv/slots.ts'

/** One secret with its tries; it stays when the card is closed. */
export interface Counter {
  secret: Uint8Array
  readonly limit: number
  left: number
}

export interface PinState {
  readonly pin: Counter
  readonly puk: Counter | undefined
  readonly unlockSeconds: number
  mustChangePin: boolean
  /** Secrets that still have their default value. */
  readonly defaults: Set<DefaultSecret>
}

const required = () => new PinError('ERR_PIN_REQUIRED', 'This key wants the PIN. Verify the PIN first.')

export class MemoryPins implements PinVault {
  readonly #state: PinState
  /** Whether a key of this card wants the PIN before every use: only then VERIFY arms. */
  readonly #always: () => boolean
  /** On the clock of performance.now(). */
  #until = 0
  #armed = false

  constructor(state: PinState, always: () => boolean) {
    this.#state = state
    this.#always = always
  }

  get unlocked(): boolean {
    return performance.now() < this.#until
  }

  async pinCounter(): Promise<TryCounter> {
    return told(this.#state.pin)
  }

  async pukCounter(): Promise<TryCounter | undefined> {
    return this.#state.puk && told(this.#state.puk)
  }

  async lock(): Promise<void> {
    this.#until = 0
    this.#armed = false
  }

  async disarm(): Promise<void> {
    this.#armed = false
  }

  /** Lets a key be used, or says that the PIN is missing. */
  use(policy: PinPolicy): void {
    const allowed = policy === 'never' || (policy === 'always' ? this.#armed : this.unlocked)
    if (policy === 'always') this.#armed = false
    if (!allowed) throw required()
  }

  async verifyPin(pin: Uint8Array): Promise<void> {
    await this.lock()
    prove('PIN', this.#state.pin, pin)
    this.#until = performance.now() + this.#state.unlockSeconds * 1000
    this.#armed = this.#always()
  }

  async changePin(pin: Uint8Array, newPin: Uint8Array): Promise<void> {
    await this.lock()
    prove('PIN', this.#state.pin, pin)
    this.#set(newPin)
    await this.verifyPin(newPin)
  }

  async changePuk(puk: Uint8Array, newPuk: Uint8Array): Promise<void> {
    const counter = this.#puk()
    prove('PUK', counter, puk)
    counter.secret = newPuk.slice()
    this.#state.defaults.delete('puk')
  }

  async unblockPin(puk: Uint8Array, newPin: Uint8Array): Promise<void> {
    await this.lock()
    prove('PUK', this.#puk(), puk)
    this.#set(newPin)
  }

  /** The help desk belongs to the TPM: there is none here. */
  async challenge(): Promise<never> {
    throw new PinError('ERR_HELP_DESK_ABSENT', 'This card was created without a help-desk key.')
  }

  async unblockWithResponse(): Promise<never> {
    throw new PinError('ERR_HELP_DESK_REFUSED', 'No challenge is pending.')
  }

  #puk(): Counter {
    if (this.#state.puk !== undefined) return this.#state.puk
    throw new PinError('ERR_PUK_ABSENT', 'This card was created without a PUK.')
  }

  #set(newPin: Uint8Array): void {
    const { pin } = this.#state
    pin.secret = newPin.slice()
    pin.left = pin.limit
    this.#state.mustChangePin = false
    this.#state.defaults.delete('pin')
  }
}

const told = ({ left, limit }: Counter): TryCounter => ({ left, limit, advisory: false })

function prove(what: 'PIN' | 'PUK', counter: Counter, given: Uint8Array): void {
  if (counter.left === 0) {
    throw new PinError(`ERR_${what}_BLOCKED`, `The ${what} is blocked: too many wrong tries.`, { triesLeft: 0 })
  }
  if (equal(counter.secret, given)) {
    counter.left = counter.limit
    return
  }
  counter.left -= 1
  throw new PinError(`ERR_${what}_WRONG`, `The ${what} is wrong.`, { triesLeft: counter.left })
}
