// One card over one channel: whose turn it is, that PIV is selected, which keys there are, and their use.
import { isPromise } from 'node:util/types'
import type { CardChannel } from '../../channel.ts'
import { CardError, PinError } from '../../errors.ts'
import { SW } from '../../iso7816/status.ts'
import { pinBytes, type Secret } from '../pin.ts'
import type { Slot } from '../slots.ts'
import { Exchange } from './exchange.ts'
import { Extras } from './extras.ts'
import { CardKeys, type KeyInfo } from './key-info.ts'
import { commandFor, type Operation, use } from './keys.ts'
import { type AskPin, type KeyUse, type PinRequest, type PinUse, pinRequest, withPin } from './pin-request.ts'
import { isVerified, keepTries, pinStatus, useUp, verifyPin, withSecrets } from './pins.ts'
import { refusal } from './refusals.ts'
import { CardSecrets } from './secrets.ts'
import { Selection } from './selection.ts'
import { type Cancellable, untilTurn } from './waiting.ts'

export type UseOptions = PinUse & Cancellable

export class Session {
  readonly channel: CardChannel
  readonly keys: CardKeys
  readonly extras: Extras
  readonly secrets: CardSecrets
  readonly #exchange: Exchange
  readonly #selection: Selection

  constructor(channel: CardChannel) {
    this.channel = channel
    this.extras = new Extras(channel)
    this.secrets = new CardSecrets(channel.local, this.extras)
    this.keys = new CardKeys(channel.local, this.extras)
    this.#exchange = new Exchange(channel)
    this.#selection = new Selection(channel)
  }

  /** Other programs reach the card as well, between two transactions. */
  get shared(): boolean {
    return this.channel.generation !== undefined
  }

  /** `trusting`: nothing is asked of the card before `work`. Looked at when it is its turn. */
  transaction<T>(
    work: (exchange: Exchange) => Promise<T>,
    waiting: Cancellable = {},
    trusting: () => boolean = () => false,
  ): Promise<T> {
    return untilTurn(waiting, (begin) =>
      this.channel.transaction(async () => {
        begin()
        return this.#selection.with(this.#exchange, () => work(this.#exchange), trusting())
      }),
    )
  }

  /** A change of the card: who owns the card file may, once the PIN is verified. */
  managing<T>(work: (exchange: Exchange) => Promise<T>, waiting?: Cancellable): Promise<T> {
    return this.transaction(async (exchange) => {
      this.channel.local?.manage()
      return work(exchange)
    }, waiting)
  }

  /**
   * PIN commands whose use is left to later calls. On a shared card no other program is to find an `always` key ready.
   * `spent`: nobody is, on any card.
   */
  proving(work: (exchange: Exchange) => Promise<void>, spent = false): Promise<void> {
    return this.transaction(async (exchange) => {
      await work(exchange)
      if (spent || this.shared) await useUp(exchange)
    })
  }

  verify(pin: Secret, minTriesLeft: number, spent = false): Promise<void> {
    const work = (exchange: Exchange) =>
      withSecrets([pinBytes(pin)], async ([octets]) => {
        await this.keys.beforeVerify(exchange)
        await verifyPin(exchange, this.secrets, octets, minTriesLeft)
      })
    return this.proving(work, spent)
  }

  /** The card forgets whatever was verified. */
  reset(): Promise<void> {
    return this.channel.transaction(async () => {
      this.#selection.lost()
      await this.channel.reset()
    })
  }

  /**
   * One use of a key. `prepare` is called once, outside of any transaction; what it hashes is hashed before the card is
   * asked for, and calls come to the card in the order of asking where it is there at once.
   */
  use(
    slot: Slot,
    what: KeyUse,
    options: UseOptions,
    prepare: () => Operation | Promise<Operation>,
  ): Promise<Uint8Array> {
    const { pin } = options
    if (typeof pin === 'function') return this.#useAsking(pin, slot, what, options, prepare)
    return withPin(pin, async (octets) => {
      const operation = prepare()
      return this.#use(slot, isPromise(operation) ? await operation : operation, options, octets)
    })
  }

  /** Asks for the PIN where the key is known to want it; else only when the card says that it does. */
  async #useAsking(
    ask: AskPin,
    slot: Slot,
    what: KeyUse,
    options: UseOptions,
    prepare: () => Operation | Promise<Operation>,
  ): Promise<Uint8Array> {
    const { request, wanted } = await this.request(slot, what, options)
    if (wanted) {
      return withPin(await ask(request), async (pin) => this.#use(slot, await prepare(), options, pin))
    }
    const operation = await prepare()
    try {
      return await this.#use(slot, operation, options)
    } catch (error) {
      if (!(error instanceof PinError && error.code === 'ERR_PIN_REQUIRED')) throw error
    }
    const again = await this.request(slot, what, options)
    return withPin(await ask(again.request), (pin) => this.#use(slot, operation, options, pin))
  }

  /** Whether keys of the policy `once` serve now. Costs the card less than to say all that a request tells. */
  unlocked(): Promise<boolean> {
    return this.transaction(async (exchange) => !this.secrets.mustChange && (await isVerified(exchange)))
  }

  /**
   * Whether a use of the key wants the PIN now, and what to ask with.
   * @throws PinError ERR_PIN_CHANGE_REQUIRED, ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY: nobody is asked for a PIN in vain
   */
  request(
    slot: Slot,
    what: KeyUse,
    options: UseOptions,
  ): Promise<{ readonly request: PinRequest; readonly wanted: boolean }> {
    return this.transaction(async (exchange) => {
      const { verified, triesLeft, blocked, mustChange } = await pinStatus(exchange, this.secrets)
      if (mustChange) throw refusal('useKey', SW.CONDITIONS_OF_USE)
      const key = present(slot, await this.keys.toUse(exchange, slot))
      const wanted = key.pinPolicy === 'always' || (key.pinPolicy === 'once' && !verified)
      if (wanted && blocked) throw refusal('verifyPin', SW.BLOCKED)
      if (wanted) keepTries(triesLeft, options.minTriesLeft ?? 0)
      const { reader, local } = this.channel
      const card = reader === undefined ? local?.name : `reader:${reader}`
      return { request: pinRequest(key, what, { card, triesLeft }), wanted }
    }, options)
  }

  /** With a PIN: VERIFY and the use, one right after the other; what has to be read or worked out comes before. */
  async #use(slot: Slot, operation: Operation, options: UseOptions, pin?: Uint8Array): Promise<Uint8Array> {
    const work = async (exchange: Exchange) => {
      const key = present(slot, await this.keys.toUse(exchange, slot))
      const command = commandFor(operation, key)
      if (pin === undefined) this.#assertUsable(slot)
      else await verifyPin(exchange, this.secrets, pin, options.minTriesLeft ?? 0)
      try {
        return { key, response: await use(exchange, command) }
      } catch (error) {
        if (pin !== undefined && this.shared) await useUp(exchange).catch(() => undefined)
        throw operation.refused?.(error) ?? error
      }
    }
    // A command that only looks comes before a use that another program's VERIFY might allow.
    const policy = () => this.keys.policyOf(slot)
    const trusting = () => pin === undefined && (policy() === 'never' || policy() === 'once')
    const { key, response } = await this.transaction(work, options, trusting)
    return operation.read(response, key)
  }

  /** On a shared card a VERIFY of an earlier transaction allows no use of an `always` key: it may be anybody's. */
  #assertUsable(slot: Slot): void {
    if (!this.shared || this.keys.policyOf(slot) !== 'always') return
    throw new PinError(
      'ERR_PIN_REQUIRED',
      `The key in slot ${slot} wants the PIN for every use, and in a reader it has to come with the use: sign, decrypt or derive with { pin }.`,
    )
  }
}

export function present(slot: Slot, key: KeyInfo | undefined): KeyInfo {
  if (key !== undefined) return key
  throw new CardError('ERR_KEY_ABSENT', `There is no key in slot ${slot}. Make one: tessera key generate ${slot}.`)
}
