// What the parts of a vault share: the device, the card file as it is known here, and what is unlocked.
import { isDeepStrictEqual } from 'node:util'
import { CardError } from '../../errors.ts'
import { releaseDevice, type TpmDevice } from '../devices.ts'
import { isStale } from '../failure.ts'
import { type LockContext, lockContext } from '../lock/context.ts'
import type { LockTable } from '../lock/table.ts'
import type { CardFile, UnguardedKey } from '../store/card-file.ts'
import type { CardStore } from '../store/store.ts'
import { UnlockState } from './unlock-state.ts'

export interface VaultSettings {
  readonly table: LockTable
  /** How long a verified PIN serves in this process; as the card file says unless given. */
  readonly unlockSeconds?: number | undefined
  /** What this TPM is, found out now; what the card file says of it is not believed. */
  readonly assurance?: CardFile['assurance'] | undefined
}

export class CardState {
  readonly device: TpmDevice
  readonly unlock: UnlockState
  readonly #store: CardStore
  readonly #settings: VaultSettings
  #card: CardFile
  /** Kept for as long as the SRK is: nothing of a card's lock ever changes. */
  #context: LockContext | undefined
  #closed = false

  constructor(device: TpmDevice, store: CardStore, card: CardFile, settings: VaultSettings) {
    this.device = device
    this.unlock = new UnlockState(device)
    this.#store = store
    this.#settings = settings
    this.#card = this.#asFound(card)
  }

  /** The card file as this process knows it. */
  get card(): CardFile {
    return this.#card
  }

  get table(): LockTable {
    return this.#settings.table
  }

  get unlockSeconds(): number {
    return this.#settings.unlockSeconds ?? this.#card.unlockSeconds
  }

  /** @throws CardError ERR_CARD_CLOSED */
  refuseClosed(): void {
    if (this.#closed) throw new CardError('ERR_CARD_CLOSED', 'The card is closed. Open it again.')
  }

  /**
   * Runs `work` while no other work of this process uses the TPM.
   * @throws CardError ERR_CARD_CLOSED, ERR_CARD_OTHER_TPM
   */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    this.refuseClosed()
    return this.device.exclusive(this.checkingTpm(work))
  }

  /** `work`; where it misses something in the TPM, and the storage key is missing too, the error is that it was cleared. */
  checkingTpm<T>(work: () => Promise<T>): () => Promise<T> {
    return async () => {
      try {
        return await work()
      } catch (error) {
        const dead = error instanceof CardError && error.code === 'ERR_CARD_DEAD'
        if (dead || isStale(error)) await this.device.srkNow(this.#card.srk.name)
        throw error
      }
    }
  }

  /** The lock, where nothing is to be asked of the TPM for it. */
  get knownContext(): LockContext | undefined {
    const context = this.#context
    return context !== undefined && this.device.knownSrk(this.#card.srk.name) === context.srk ? context : undefined
  }

  /** The lock as of now; checks that this is still the TPM of the card. At once where that was done. */
  context(): LockContext | Promise<LockContext> {
    return this.knownContext ?? this.#newContext()
  }

  async #newContext(): Promise<LockContext> {
    const srk = await this.device.srk(this.#card.srk.name)
    if (this.#context?.srk !== srk) this.#context = lockContext(this.device, srk, this.#card, this.#settings.table)
    return this.#context
  }

  /** Changes the card file. Keys that did not change stay the same objects: loaded keys are known by them. */
  async update(change: (card: CardFile) => CardFile): Promise<void> {
    const changed = await this.#store.update(this.#card.name, this.#card.cardId, change)
    this.#card = this.#asFound(withKnown(changed, keysOf(this.#card)))
  }

  /** Another card in place of this one, in the same TPM: nothing of the old one is in there any more. */
  become(card: CardFile): void {
    this.#card = this.#asFound(card)
    this.#context = undefined
  }

  #asFound(card: CardFile): CardFile {
    const { assurance = card.assurance } = this.#settings
    return assurance === card.assurance ? card : { ...card, assurance }
  }

  /** Gives up all that is in memory and in the TPM for what was verified, after the work under way; `last` goes first. */
  async forget(last: () => Promise<void>): Promise<void> {
    this.unlock.dropTicket()
    await this.exclusive(async () => {
      await last()
      await this.unlock.releaseSessions()
      for (const key of keysOf(this.#card)) await this.device.keys.evict(key)
      this.device.forgetSessionUser(this.unlock)
    })
  }

  /** Lets the TPM go, after the work under way; `last` may still use it. */
  async close(last: () => Promise<void>): Promise<void> {
    if (this.#closed) return
    const forgotten = this.forget(last).catch(() => undefined) // a TPM that is gone has nothing of ours left
    this.#closed = true
    await forgotten
    await releaseDevice(this.device)
  }
}

const keysOf = ({ keys, attestationKey }: CardFile): UnguardedKey[] => [
  ...Object.values(keys),
  ...(attestationKey === undefined ? [] : [attestationKey]),
]

/** `card` with each key that is among `known` as the object it was. */
function withKnown(card: CardFile, known: readonly UnguardedKey[]): CardFile {
  const object = <Key extends UnguardedKey>(key: Key): Key =>
    (known.find((one) => isDeepStrictEqual(one, key)) as Key | undefined) ?? key
  const keys = Object.fromEntries(Object.entries(card.keys).map(([slot, key]) => [slot, object(key)]))
  return { ...card, keys, ...(card.attestationKey && { attestationKey: object(card.attestationKey) }) }
}
