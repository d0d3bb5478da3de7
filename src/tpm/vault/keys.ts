// Keys of a TPM card: making them, their slots, their use.
import { CardError } from '../../errors.ts'
import type { Algorithm } from '../../piv/algorithms.ts'
import type { KeyOptions, KeyVault, Posting, VaultKey } from '../../piv/card/vault.ts'
import type { PrivateKeyParts } from '../../piv/private-key.ts'
import type { PinPolicy, Slot } from '../../piv/slots.ts'
import { spkiOf } from '../codec/public.ts'
import { assertAsFiled } from '../keys/check.ts'
import { createKey, keyPolicy } from '../keys/create.ts'
import { importKey } from '../keys/import.ts'
import { agree, type KeyOperation, rawRsa, signDigest } from '../keys/operations.ts'
import { damagedKey } from '../loaded-keys.ts'
import type { LockContext } from '../lock/context.ts'
import { LOCK, type LockTable } from '../lock/table.ts'
import type { CardFile, CardFileKey } from '../store/card-file.ts'
import type { CardState } from './card-state.ts'
import { makeKey, useKey } from './use-key.ts'

export class TpmKeys implements KeyVault {
  readonly #state: CardState

  constructor(state: CardState) {
    this.#state = state
  }

  find(slot: Slot): VaultKey | undefined {
    const { card, table } = this.#state
    const key = card.keys[slot]
    return key && vaultKey(card, slot, key, table)
  }

  generate(slot: Slot, { algorithm, pinPolicy }: KeyOptions): Promise<VaultKey> {
    return this.#install(slot, (context) =>
      createKey(context.device, context.srk, algorithm, pinPolicy, keyPolicy(context, pinPolicy)),
    )
  }

  import(slot: Slot, algorithm: Algorithm, parts: PrivateKeyParts, pinPolicy: PinPolicy): Promise<VaultKey> {
    return this.#install(slot, (context) =>
      importKey(context.device, context.srk, { algorithm, parts }, pinPolicy, keyPolicy(context, pinPolicy)),
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

  /** A key that the TPM loads is what its public area says: made in this TPM, and under the policy that it names. */
  async prove(slot: Slot): Promise<void> {
    const key = this.#keyToUse(slot)
    await this.#state.exclusive(async () => {
      const { device, srk } = await this.#state.context()
      await this.#state.unlock.releaseSessions() // room for one more on a TPM without a resource manager
      await device.keys.get(key, srk)
    })
  }

  signDigest(slot: Slot, digest: Uint8Array, posting?: Posting): Promise<Uint8Array> {
    return this.#use(slot, ({ algorithm }) => signDigest(algorithm, digest), posting)
  }

  rawRsa(slot: Slot, block: Uint8Array, posting?: Posting): Promise<Uint8Array> {
    return this.#use(slot, (key) => rawRsa(key.algorithm, key.public.subarray(2), block), posting)
  }

  agree(slot: Slot, point: Uint8Array, posting?: Posting): Promise<Uint8Array> {
    return this.#use(slot, ({ algorithm }) => agree(algorithm, point), posting)
  }

  #use(slot: Slot, operation: (key: CardFileKey) => KeyOperation, posting?: Posting): Promise<Uint8Array> {
    return useKey(
      this.#state,
      () => {
        const key = this.#keyToUse(slot)
        return { key, policy: key.pinPolicy, operation: operation(key) }
      },
      posting,
    )
  }

  #key(slot: Slot): CardFileKey {
    const key = this.#state.card.keys[slot]
    if (key !== undefined) return key
    throw new CardError('ERR_KEY_ABSENT', `There is no key in slot ${slot}. Make one: tessera key generate ${slot}.`)
  }

  /** @throws CardError ERR_KEY_DAMAGED for a key that is not what the file says */
  #keyToUse(slot: Slot): CardFileKey {
    const key = this.#key(slot)
    assertAsFiled(this.#state.card, slot, key, this.#state.table)
    return key
  }

  async #install(slot: Slot, make: (context: LockContext) => Promise<CardFileKey>): Promise<VaultKey> {
    const old = this.#state.card.keys[slot]
    const key = await makeKey(this.#state, make)
    await this.#state.update((card) => ({ ...card, keys: { ...card.keys, [slot]: key } }))
    if (old !== undefined) await this.#state.exclusive(() => this.#state.device.keys.evict(old))
    return vaultKey(this.#state.card, slot, key, this.#state.table)
  }
}

/** Results for keys, by the objects of the card file: a change makes new ones. */
const found = new WeakMap<CardFileKey, VaultKey>()

/** The keys of a card as its file has them. @throws CardError ERR_KEY_DAMAGED */
export function vaultKeys(card: CardFile, table: LockTable = LOCK): readonly VaultKey[] {
  return Object.entries(card.keys).map(([slot, key]) => vaultKey(card, slot as Slot, key, table))
}

function vaultKey(card: CardFile, slot: Slot, key: CardFileKey, table: LockTable): VaultKey {
  const known = found.get(key)
  if (known?.slot === slot) return known
  const { algorithm, pinPolicy, origin } = key
  const fresh = { slot, algorithm, pinPolicy, origin, spki: readable(() => spkiOf(key.public.subarray(2))) }
  assertAsFiled(card, slot, key, table)
  found.set(key, fresh)
  return fresh
}

function readable<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw damagedKey(error)
  }
}

export function without<T>(record: Readonly<Record<string, T>>, name: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => key !== name))
}
