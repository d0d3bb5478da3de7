// Keys of a TPM card, and their one use: the signing path.
import { CardError, PinError, TpmError, type TpmErrorDetails } from '../../errors.ts'
import type { NativeAuth, NativeCommand } from '../../native.ts'
import type { KeyOptions, KeyVault, VaultKey } from '../../piv/card/vault.ts'
import type { PinPolicy, Slot } from '../../piv/slots.ts'
import type { Entity } from '../codec/nv.ts'
import { spkiOf } from '../codec/public.ts'
import { bySession, NO_PASSWORD } from '../command.ts'
import type { Session } from '../device.ts'
import { isStale, responseOf } from '../failure.ts'
import { createKey, keyPolicy } from '../keys/create.ts'
import { importKey } from '../keys/import.ts'
import { agree, type KeyOperation, rawRsa, signDigest } from '../keys/operations.ts'
import { damagedKey } from '../loaded-keys.ts'
import { type LockContext, saltOf } from '../lock/context.ts'
import { policyTicket } from '../policy/fulfil.ts'
import type { CardFile, CardFileKey } from '../store/card-file.ts'
import type { CardState } from './card-state.ts'

export class TpmKeys implements KeyVault {
  readonly #state: CardState

  constructor(state: CardState) {
    this.#state = state
  }

  list(): readonly VaultKey[] {
    return vaultKeys(this.#state.card)
  }

  generate(slot: Slot, { algorithm, pinPolicy }: KeyOptions): Promise<VaultKey> {
    return this.#install(slot, (context) =>
      createKey(context.device, context.srk, algorithm, pinPolicy, keyPolicy(context, pinPolicy)),
    )
  }

  import(slot: Slot, pkcs8: Uint8Array, pinPolicy: PinPolicy): Promise<VaultKey> {
    return this.#install(slot, (context) =>
      importKey(context.device, context.srk, pkcs8, pinPolicy, keyPolicy(context, pinPolicy)),
    )
  }

  async delete(slot: Slot): Promise<void> {
    const old = this.#key(slot)
    await this.#state.update((card) => ({ ...card, keys: without(card.keys, slot) }))
    await this.#state.exclusive(() => this.#state.device.keys.evict(old))
  }

  async move(from: Slot, to: Slot): Promise<void> {
    const key = this.#key(from)
    const replaced = from === to ? undefined : this.#state.card.keys[to]
    await this.#state.update((card) => ({ ...card, keys: { ...without(card.keys, from), [to]: key } }))
    if (replaced !== undefined) await this.#state.exclusive(() => this.#state.device.keys.evict(replaced))
  }

  async signDigest(slot: Slot, digest: Uint8Array): Promise<Uint8Array> {
    const key = this.#key(slot)
    return this.#use(key, signDigest(key.algorithm, digest))
  }

  async rawRsa(slot: Slot, block: Uint8Array): Promise<Uint8Array> {
    const key = this.#key(slot)
    return this.#use(key, rawRsa(key.algorithm, key.public.subarray(2), block))
  }

  async agree(slot: Slot, point: Uint8Array): Promise<Uint8Array> {
    const key = this.#key(slot)
    return this.#use(key, agree(key.algorithm, point))
  }

  #key(slot: Slot): CardFileKey {
    const key = this.#state.card.keys[slot]
    if (key !== undefined) return key
    throw new CardError('ERR_KEY_ABSENT', `There is no key in slot ${slot}. Make one: tessera key generate ${slot}.`)
  }

  async #install(slot: Slot, make: (context: LockContext) => Promise<CardFileKey>): Promise<VaultKey> {
    const old = this.#state.card.keys[slot]
    const key = await this.#state.exclusive(async () => {
      const context = await this.#state.context()
      await this.#state.unlock.releaseSessions() // room for one more on a TPM without a resource manager
      return make(context)
    })
    await this.#state.update((card) => ({ ...card, keys: { ...card.keys, [slot]: key } }))
    if (old !== undefined) await this.#state.exclusive(() => this.#state.device.keys.evict(old))
    return vaultKey(slot, key)
  }

  #use(key: CardFileKey, operation: KeyOperation): Promise<Uint8Array> {
    return this.#state.exclusive(async () => {
      const context = await this.#state.context()
      try {
        return operation.read(await this.#perform(context, key, operation))
      } catch (error) {
        if (!isStale(error)) throw error
        // The TPM was reset, or somebody flushed what was ours: load it again. Never a PIN again.
        await this.#state.device.keys.evictAll()
        await this.#state.unlock.releaseSessions()
        return operation.read(await this.#perform(await this.#state.context(), key, operation))
      }
    })
  }

  /** With the key loaded: two TPM commands in one trip for `once`, one for `never` and for `always` after VERIFY. */
  async #perform(context: LockContext, key: CardFileKey, { build }: KeyOperation): Promise<Uint8Array> {
    const { device, unlock } = this.#state
    if (key.pinPolicy === 'never') {
      const entity = await device.keys.get(key, context.srk)
      return this.#last([build(entity, NO_PASSWORD)])
    }
    if (key.pinPolicy === 'always') {
      const armed = unlock.takeArmed()
      if (armed === undefined) throw pinRequired('This key wants the PIN before every use.')
      return this.#inSession(armed, context, key, (entity, auth) => [build(entity, auth)])
    }
    const ticket = unlock.ticket
    if (ticket === undefined) throw pinRequired('This key wants the PIN.')
    const session = await unlock.onceSession(() => device.startSession('policy', saltOf(context)))
    try {
      return await this.#inSession(session, context, key, (entity, auth) => [
        policyTicket(session, ticket),
        build(entity, auth),
      ])
    } catch (error) {
      const response = responseOf(error)
      if (response !== 'TICKET' && response !== 'EXPIRED') throw error
      unlock.dropTicket()
      throw pinRequired('The PIN was verified too long ago, or the TPM was reset since.', error)
    }
  }

  async #inSession(
    session: Session,
    context: LockContext,
    key: CardFileKey,
    commands: (entity: Entity, auth: NativeAuth) => NativeCommand[],
  ): Promise<Uint8Array> {
    try {
      const entity = await context.device.keys.get(key, context.srk)
      return await this.#last(commands(entity, bySession(session.handle)))
    } catch (error) {
      await this.#state.unlock.discard(session)
      throw responseOf(error) === 'BAD_AUTH' ? swapped(error) : error
    }
  }

  async #last(commands: NativeCommand[]): Promise<Uint8Array> {
    return (await this.#state.device.run(...commands)).at(-1) ?? new Uint8Array(0)
  }
}

/** These sessions are salted and prove no secret: their HMAC fails only where the command was changed on its way. */
function swapped(cause: unknown): TpmError {
  return new TpmError(
    'ERR_TPM_TAMPERED',
    'The command did not reach the TPM as it was sent: somebody may sit between this program and the TPM. Nothing was signed.',
    {
      ...(cause instanceof TpmError ? { rc: cause.rc, command: cause.command, response: cause.response } : {}),
      cause,
    } as TpmErrorDetails,
  )
}

function pinRequired(why: string, cause?: unknown): PinError {
  return new PinError('ERR_PIN_REQUIRED', `${why} Verify the PIN first.`, { cause })
}

/** The keys of a card as its file has them. */
export function vaultKeys(card: CardFile): VaultKey[] {
  return Object.entries(card.keys).map(([slot, key]) => vaultKey(slot as Slot, key))
}

function vaultKey(slot: Slot, key: CardFileKey): VaultKey {
  const { algorithm, pinPolicy, origin } = key
  try {
    return { slot, algorithm, pinPolicy, origin, spki: spkiOf(key.public.subarray(2)) }
  } catch (error) {
    throw damagedKey(error)
  }
}

export function without<T>(record: Readonly<Record<string, T>>, name: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => key !== name))
}
