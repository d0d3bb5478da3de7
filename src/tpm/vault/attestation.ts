// The attestation key of a TPM card: a key without a PIN, in a member of its own in the card file.
import { CardError } from '../../errors.ts'
import type { Algorithm } from '../../piv/algorithms.ts'
import type { AttestationKey, AttestationVault, KeptObject } from '../../piv/card/vault.ts'
import type { PrivateKeyParts } from '../../piv/private-key.ts'
import { spkiOf } from '../codec/public.ts'
import { assertAsFiled } from '../keys/check.ts'
import { createKey, keyPolicy } from '../keys/create.ts'
import { importKey } from '../keys/import.ts'
import { type KeyOperation, rawRsa, signDigest } from '../keys/operations.ts'
import { damagedKey } from '../loaded-keys.ts'
import type { LockContext } from '../lock/context.ts'
import type { CardFile, CardFileKey, UnguardedKey } from '../store/card-file.ts'
import type { CardState } from './card-state.ts'
import { makeKey, useKey } from './use-key.ts'

export class TpmAttestation implements AttestationVault {
  readonly #state: CardState

  constructor(state: CardState) {
    this.#state = state
  }

  key(): AttestationKey | undefined {
    const key = this.#state.card.attestationKey
    return key && this.#usable(key)
  }

  generate(algorithm: Algorithm): Promise<AttestationKey> {
    return this.#install((context) => create(context, algorithm))
  }

  import(algorithm: Algorithm, parts: PrivateKeyParts): Promise<AttestationKey> {
    return this.#install((context) =>
      importKey(context.device, context.srk, { algorithm, parts }, 'never', keyPolicy(context, 'never')),
    )
  }

  async delete(): Promise<void> {
    if (this.#state.card.attestationKey === undefined) {
      throw new CardError('ERR_KEY_ABSENT', 'There is no attestation key yet: the first attestation makes it.')
    }
    await this.#replace(({ attestationKey: _, ...card }) => card)
  }

  async begin(algorithm: Algorithm, certify: (key: AttestationKey) => Promise<KeptObject>): Promise<void> {
    const key = unguarded(await makeKey(this.#state, (context) => create(context, algorithm)))
    try {
      const { tag, content } = await certify(this.#usable(key))
      await this.#state.update((card) => {
        if (card.attestationKey !== undefined) return card
        return { ...card, attestationKey: key, objects: { ...card.objects, [tag]: content } }
      })
    } finally {
      if (this.#state.card.attestationKey !== key) await this.#evict(key)
    }
  }

  async #install(make: (context: LockContext) => Promise<CardFileKey>): Promise<AttestationKey> {
    const key = unguarded(await makeKey(this.#state, make))
    await this.#replace((card) => ({ ...card, attestationKey: key }))
    return this.#usable(key)
  }

  async #replace(change: (card: CardFile) => CardFile): Promise<void> {
    const old = this.#state.card.attestationKey
    await this.#state.update(change)
    if (old !== undefined) await this.#evict(old)
  }

  #evict(key: UnguardedKey): Promise<void> {
    return this.#state.exclusive(() => this.#state.device.keys.evict(key))
  }

  #usable(key: UnguardedKey): AttestationKey {
    const { algorithm, origin } = key
    const area = key.public.subarray(2)
    assertAsFiled(this.#state.card, 'f9', { ...key, pinPolicy: 'never' }, this.#state.table)
    const use = (operation: () => KeyOperation) =>
      useKey(this.#state, () => ({ key, policy: 'never', operation: operation() }))
    try {
      return {
        ...{ algorithm, origin, spki: spkiOf(area) },
        signDigest: (digest) => use(() => signDigest(algorithm, digest)),
        rawRsa: (block) => use(() => rawRsa(algorithm, area, block)),
      }
    } catch (error) {
      throw damagedKey(error)
    }
  }
}

const create = (context: LockContext, algorithm: Algorithm): Promise<CardFileKey> =>
  createKey(context.device, context.srk, algorithm, 'never', keyPolicy(context, 'never'))

const unguarded = ({ pinPolicy: _, ...key }: CardFileKey): UnguardedKey => key
