// The admin key of a TPM card (PIV 9B): sealed to the TPM, no part of the lock.
import { concat, copyOf, wipe } from '../../bytes.ts'
import type { AdminVault } from '../../piv/card/vault.ts'
import { isDefaultAdminKey } from '../../piv/pin.ts'
import { seal, unseal } from '../keys/seal.ts'
import type { CardFile } from '../store/card-file.ts'
import type { CardState } from './card-state.ts'

export class TpmAdmin implements AdminVault {
  readonly #state: CardState

  constructor(state: CardState) {
    this.#state = state
  }

  async key(): Promise<{ readonly algorithm: number; readonly key: Uint8Array } | undefined> {
    const blob = this.#state.card.adminKey
    if (blob === undefined) return undefined
    return this.#state.exclusive(async () => {
      const { device, srk } = await this.#state.context()
      await this.#state.unlock.releaseSessions() // room for one more on a TPM without a resource manager
      const sealed = await unseal(device, srk, blob)
      const key = { algorithm: sealed[0] ?? 0, key: copyOf(sealed.subarray(1)) }
      wipe(sealed)
      return key
    })
  }

  async replace(algorithm: number, key: Uint8Array): Promise<void> {
    const content = concat(Uint8Array.of(algorithm), key)
    try {
      const adminKey = await this.#state.exclusive(async () => {
        const { device, srk } = await this.#state.context()
        await this.#state.unlock.releaseSessions()
        return seal(device, srk, content)
      })
      const isDefault = isDefaultAdminKey(key)
      await this.#state.update((card) => ({ ...card, adminKey, flags: flagsOf(card, isDefault) }))
    } finally {
      wipe(content)
    }
  }

  /** Afterwards the card cannot be managed through PC/SC. */
  async remove(): Promise<void> {
    await this.#state.update(({ adminKey: _, ...card }) => ({ ...card, flags: flagsOf(card, false) }))
  }
}

function flagsOf({ flags }: Pick<CardFile, 'flags'>, isDefault: boolean): CardFile['flags'] {
  const others = flags.defaults.filter((what) => what !== 'adminKey')
  return { ...flags, defaults: isDefault ? [...others, 'adminKey'] : others }
}
