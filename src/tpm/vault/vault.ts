// The vault of a TPM card: implements src/piv/card/vault.ts over one device and one card file.
import type { Vault } from '../../piv/card/vault.ts'
import { TpmAttestor } from '../attest/index.ts'
import type { TpmDevice } from '../devices.ts'
import type { CardFile } from '../store/card-file.ts'
import type { SealKeys } from '../store/seal.ts'
import type { CardStore } from '../store/store.ts'
import { TpmAdmin } from './admin.ts'
import { TpmAttestation } from './attestation.ts'
import { CardState, type VaultSettings } from './card-state.ts'
import { TpmKeys } from './keys.ts'
import { TpmObjects } from './objects.ts'
import { TpmPins } from './pins.ts'

/** Destroys the card of a name and creates it anew; returns the new one. */
type Renew = (name: string) => Promise<{ readonly card: CardFile; readonly seal: SealKeys | undefined }>

export class TpmVault implements Vault {
  readonly keys: TpmKeys
  readonly pins: TpmPins
  readonly objects: TpmObjects
  readonly admin: TpmAdmin
  readonly attestation: TpmAttestation
  /** What the TPM states about this card. */
  readonly attestor: TpmAttestor
  readonly #state: CardState
  readonly #renew: Renew

  /** `card` was read from `store`; `close` gives back `device`. */
  constructor(device: TpmDevice, store: CardStore, card: CardFile, settings: VaultSettings, renew: Renew) {
    this.#renew = renew
    this.#state = new CardState(device, store, card, settings)
    this.keys = new TpmKeys(this.#state)
    this.pins = new TpmPins(this.#state)
    this.objects = new TpmObjects(this.#state)
    this.admin = new TpmAdmin(this.#state)
    this.attestation = new TpmAttestation(this.#state)
    this.attestor = new TpmAttestor(this.#state)
  }

  /** The card file as this process knows it. */
  get card(): CardFile {
    return this.#state.card
  }

  /** Forgets first what was verified here, whatever happens next. */
  async reset(): Promise<void> {
    await this.#state.forget(() => this.pins.endChallenge())
    const { card, seal } = await this.#renew(this.card.name)
    this.#state.become(card, seal)
  }

  close(): Promise<void> {
    return this.#state.close(() => this.pins.endChallenge())
  }
}
