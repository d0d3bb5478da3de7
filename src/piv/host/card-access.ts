// One card over one channel: selecting PIV, knowing its keys, and using them.
import { isPromise } from 'node:util/types'
import type { CardChannel, TransactionOptions, Transmit } from '../../channel.ts'
import { CardError, PinError } from '../../errors.ts'
import { SW } from '../../iso7816/status.ts'
import type { Secret } from '../pin.ts'
import type { Slot } from '../slots.ts'
import { type AdminKey, authenticateAdmin } from './admin.ts'
import { CardKeys } from './card-keys.ts'
import { type Answer, Exchange } from './exchange.ts'
import { Extras } from './extras.ts'
import type { KeyInfo } from './key-info.ts'
import { commandFor, type Operation, responseIn } from './keys.ts'
import { type AskPin, type KeyUse, type PinRequest, type PinUse, pinRequest, withPin } from './pin-request.ts'
import { disarm, isVerified, keepTries, pinStatus, verifyPin, withSecrets } from './pins.ts'
import { authenticateByPin, protectAdminKey } from './protected-admin.ts'
import { type KnownCards, Recognition } from './recognition.ts'
import { refusal } from './refusals.ts'
import { CardSecrets } from './secrets.ts'
import { Selection } from './selection.ts'
import { type Cancellable, untilTurn } from './waiting.ts'

export type UseOptions = PinUse & Cancellable

/** What a card in the TPM keeps in an object is in its file, which is no secret. */
const IN_THE_FILE = 'A card in the TPM is managed with its PIN alone already, and keeps no admin key in its file.'

/** No transaction of `Card` calls code that could use the card. */
const FLAT: TransactionOptions = { flat: true }

/** A use before which PIV may have to be selected, the key looked up, and the PIN verified. */
interface Use {
  readonly slot: Slot
  readonly operation: Operation
  readonly pin: Uint8Array | undefined
  readonly minTriesLeft: number
}

/** A response, and the key that gave it. */
interface Used {
  readonly key: KeyInfo
  readonly response: Uint8Array
}

export class CardAccess {
  readonly channel: CardChannel
  readonly keys: CardKeys
  readonly extras: Extras
  readonly secrets: CardSecrets
  readonly #selection: Selection
  readonly #recognition: Recognition
  readonly #closing = new AbortController()

  /** `known`: cards in readers that had the PIN before. */
  constructor(channel: CardChannel, known?: KnownCards) {
    this.channel = channel
    this.extras = new Extras(channel)
    this.secrets = new CardSecrets(channel.local, this.extras)
    this.keys = new CardKeys(this.extras, this.isShared)
    this.#recognition = new Recognition(channel, this.extras, this.keys, known)
    this.#selection = new Selection(channel, this.extras, this.secrets, this.#recognition)
  }

  /** Aborted when the card is being closed: for whoever waits for something else than the card. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** Lets the card go. Work under way is finished first. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.channel.close()
  }

  /** Other programs can reach the card too, between two transactions. */
  get isShared(): boolean {
    return this.channel.generation !== undefined
  }

  transaction<T>(
    work: (exchange: Exchange) => Promise<T>,
    waiting: Cancellable = {},
    how: 'checked' | 'secret' = 'checked',
  ): Promise<T> {
    return this.#turn(waiting, (transmit) => {
      const exchange = new Exchange(this.channel, transmit)
      return this.#selection.with(exchange, () => work(exchange), how)
    })
  }

  #turn<T>({ signal }: Cancellable, work: (transmit: Transmit) => Promise<T>): Promise<T> {
    if (signal === undefined) return this.channel.transaction(work, FLAT)
    return untilTurn(signal, (begin) =>
      this.channel.transaction((transmit) => {
        begin()
        return work(transmit)
      }, FLAT),
    )
  }

  /**
   * A change of the card. The owner of the card file may make it once the PIN is verified. `slots`: those whose keys it
   * may replace.
   */
  change<T>(work: (exchange: Exchange) => Promise<T>, waiting?: Cancellable, slots: readonly Slot[] = []): Promise<T> {
    return this.transaction(async (exchange) => {
      await this.channel.local?.grant()
      const { guid } = this.#selection
      const result = await this.#recognition.replacing(exchange, guid, slots, () => work(exchange))
      await this.#selection.wasChanged(exchange)
      return result
    }, waiting)
  }

  /**
   * Commands after which the PIN may be verified, for later calls. On a shared card no other program may find an `always`
   * key ready; with `disarmed` none may on any card.
   */
  prove(work: (exchange: Exchange) => Promise<void>, disarmed = false): Promise<void> {
    const all = async (exchange: Exchange) => {
      await work(exchange)
      if (disarmed || this.isShared) await disarm(exchange)
    }
    return this.transaction(all, {}, 'secret')
  }

  /** @throws as `authenticateAdmin` */
  proveAdmin(key: AdminKey): Promise<void> {
    return this.transaction(async (exchange) => {
      await authenticateAdmin(exchange, key)
      this.#selection.adminWasProved()
    })
  }

  /** The same with the admin key that the card keeps behind its PIN. */
  proveAdminByPin(pin: Secret, minTriesLeft: number): Promise<void> {
    return this.#withPin(pin, minTriesLeft, async (exchange) => {
      await authenticateByPin(exchange, this.extras)
      this.#selection.adminWasProved()
    })
  }

  /** Sets a random admin key that the card keeps behind its PIN. */
  protectAdmin(pin: Secret, minTriesLeft: number, overwrite: boolean): Promise<void> {
    return this.#withPin(pin, minTriesLeft, async (exchange) => {
      if (this.channel.local !== undefined) throw new CardError('ERR_NOT_SUPPORTED', IN_THE_FILE)
      await protectAdminKey(exchange, this.extras, overwrite)
      await this.#selection.wasChanged(exchange)
    })
  }

  /** Runs `work` right after VERIFY. */
  #withPin(pin: Secret, minTriesLeft: number, work: (exchange: Exchange) => Promise<void>): Promise<void> {
    const all = (exchange: Exchange) =>
      withSecrets([this.secrets.bytes(pin, 'PIN')], async ([octets]) => {
        await verifyPin(exchange, this.secrets, octets, minTriesLeft)
        await work(exchange)
      })
    return this.transaction(all, {}, 'secret')
  }

  verify(pin: Secret, minTriesLeft: number, disarmed = false): Promise<void> {
    const work = (exchange: Exchange) =>
      withSecrets([this.secrets.bytes(pin, 'PIN')], async ([octets]) => {
        await this.keys.learn(exchange)
        await verifyPin(exchange, this.secrets, octets, minTriesLeft)
      })
    return this.prove(work, disarmed)
  }

  /** The card forgets everything that was verified. */
  reset(): Promise<void> {
    return this.channel.transaction(async () => {
      await this.channel.reset()
      this.#selection.wasReset()
    }, FLAT)
  }

  /**
   * One use of a key. `prepare` is called once, outside any transaction: its hashing is done before the card is asked for.
   * Where it has its result at once, calls reach the card in the order in which they were made.
   */
  use(
    slot: Slot,
    what: KeyUse,
    options: UseOptions,
    prepare: () => Operation | Promise<Operation>,
  ): Promise<Uint8Array> {
    const { pin } = options
    if (typeof pin === 'function') return this.#useAsking(pin, slot, what, options, prepare)
    if (pin !== undefined) {
      return withPin(this.secrets, pin, async (octets) => {
        const operation = prepare()
        return this.#use(slot, isPromise(operation) ? await operation : operation, options, octets)
      })
    }
    const operation = prepare()
    return isPromise(operation)
      ? operation.then((ready) => this.#use(slot, ready, options))
      : this.#use(slot, operation, options)
  }

  /** Asks for the PIN where the key is known to need it; otherwise only when the card demands it. */
  async #useAsking(
    ask: AskPin,
    slot: Slot,
    what: KeyUse,
    options: UseOptions,
    prepare: () => Operation | Promise<Operation>,
  ): Promise<Uint8Array> {
    const { request, wanted } = await this.request(slot, what, options)
    if (wanted) {
      return withPin(this.secrets, await ask(request), async (pin) => this.#use(slot, await prepare(), options, pin))
    }
    const operation = await prepare()
    try {
      return await this.#use(slot, operation, options)
    } catch (error) {
      if (!(error instanceof PinError && error.code === 'ERR_PIN_REQUIRED')) throw error
    }
    const again = await this.request(slot, what, options)
    return withPin(this.secrets, await ask(again.request), (pin) => this.#use(slot, operation, options, pin))
  }

  /** Whether keys of the policy `once` can be used now. Costs the card less than reading everything for a request. */
  unlocked(): Promise<boolean> {
    return this.transaction(async (exchange) => !this.secrets.mustChange && (await isVerified(exchange, this.secrets)))
  }

  /**
   * Whether a use of the key needs the PIN now, and the request to ask for it.
   * @throws PinError ERR_PIN_CHANGE_REQUIRED, ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY, so that nobody is asked for a PIN in vain
   */
  request(
    slot: Slot,
    what: KeyUse,
    options: UseOptions,
  ): Promise<{ readonly request: PinRequest; readonly wanted: boolean }> {
    return this.transaction(async (exchange) => {
      const { verified, triesLeft, blocked, mustChange } = await pinStatus(exchange, this.secrets)
      if (mustChange) throw refusal('useKey', { sw: SW.CONDITIONS_OF_USE })
      const key = await this.keys.toUse(exchange, slot)
      const wanted = key.pinPolicy === 'always' || (key.pinPolicy === 'once' && !verified)
      if (wanted && blocked) throw refusal('verifyPin', { sw: SW.BLOCKED })
      if (wanted) keepTries(triesLeft, options.minTriesLeft ?? 0)
      return { request: pinRequest(key, what, { card: this.name, triesLeft }), wanted }
    }, options)
  }

  /** The name that `--card` takes; for a card in a reader `reader:NAME`. */
  get name(): string | undefined {
    const { reader, local } = this.channel
    return reader === undefined ? local?.name : `reader:${reader}`
  }

  async #use(slot: Slot, operation: Operation, options: UseOptions, pin?: Uint8Array): Promise<Uint8Array> {
    let key: KeyInfo | undefined
    const got = await this.#turn<Answer | Used>(options, (transmit) => {
      // A card that is like a YubiKey lets programs use keys with its first PIN.
      if (this.secrets.mustChange) return Promise.reject(refusal('useKey', { sw: SW.CONDITIONS_OF_USE }))
      const exchange = new Exchange(this.channel, transmit)
      key = pin === undefined && this.#selection.isLasting ? this.keys.known(slot) : undefined
      if (key !== undefined) return exchange.sendLast(commandFor(operation, key))
      return this.#selectAndUse(exchange, { slot, operation, pin, minTriesLeft: options.minTriesLeft ?? 0 })
    })
    if ('key' in got) return operation.read(got.response, got.key)
    return operation.read(this.#response(slot, operation, got), key as KeyInfo)
  }

  #selectAndUse(exchange: Exchange, use: Use): Promise<Used> {
    const how = use.pin !== undefined ? 'secret' : this.#allowsNothingElse(use.slot) ? 'unchecked' : 'checked'
    return this.#selection.with(exchange, () => this.#lookUpAndUse(exchange, use), how)
  }

  /** With a PIN, VERIFY and the use follow one another directly; everything that must be read or prepared comes before. */
  async #lookUpAndUse(exchange: Exchange, { slot, operation, pin, minTriesLeft }: Use): Promise<Used> {
    const key = await this.keys.toUse(exchange, slot)
    const command = commandFor(operation, key)
    if (pin === undefined) this.#assertUsable(slot)
    else await verifyPin(exchange, this.secrets, pin, minTriesLeft)
    try {
      return { key, response: this.#response(slot, operation, await exchange.send(command)) }
    } catch (error) {
      if (pin !== undefined && this.isShared) await disarm(exchange).catch(() => undefined)
      throw error
    }
  }

  #response(slot: Slot, operation: Operation, answer: Answer): Uint8Array {
    try {
      return responseIn(answer)
    } catch (error) {
      // The slot has another key than the one we knew.
      if (answer.sw === SW.WRONG_PARAMETERS || answer.sw === SW.REFERENCE_NOT_FOUND) this.keys.forget(slot)
      throw operation.refused?.(error) ?? error
    }
  }

  /** A command that only reads precedes a use that another program's VERIFY might allow. */
  #allowsNothingElse(slot: Slot): boolean {
    const policy = this.keys.policyOf(slot)
    return policy === 'never' || policy === 'once'
  }

  /** On a shared card no VERIFY of an earlier transaction allows a use of an `always` key: it may be another program's. */
  #assertUsable(slot: Slot): void {
    if (!this.isShared || this.keys.policyOf(slot) !== 'always') return
    throw new PinError(
      'ERR_PIN_REQUIRED',
      `The key in slot ${slot} wants the PIN for every use, and in a reader it has to come with the use: sign, decrypt or derive with { pin }.`,
    )
  }
}
