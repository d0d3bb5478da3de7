// What the parts of a vault share: the device, the card file as it is known here, and what is unlocked.
import { isDeepStrictEqual } from 'node:util'
import { CardError } from '../../errors.ts'
import { releaseDevice, type TpmDevice } from '../devices.ts'
import { isStale } from '../failure.ts'
import type { KeyBlob } from '../loaded-keys.ts'
import { type LockContext, lockContext } from '../lock/context.ts'
import { type LockTable, withoutSeal } from '../lock/table.ts'
import type { CardFile, SealedCard } from '../store/card-file.ts'
import { changedByOthers, type SealKeys } from '../store/seal.ts'
import type { CardStore } from '../store/store.ts'
import { UnlockState } from './unlock-state.ts'

export interface VaultSettings {
  readonly table: LockTable
  /** How long a verified PIN is valid in this process; by default as the card file says. */
  readonly unlockSeconds?: number | undefined
  /** The assurance of this TPM, determined now; the card file's word is not trusted. */
  readonly assurance?: CardFile['assurance'] | undefined
  /** Of the card's file, checked; the vault wipes it. Without it the card cannot be changed, unless its file has no seal. */
  readonly seal?: SealKeys | undefined
}

export class CardState {
  readonly device: TpmDevice
  readonly unlock: UnlockState
  readonly #store: CardStore
  readonly #settings: VaultSettings
  #card: CardFile
  #seal: SealKeys | undefined
  /** Kept as long as the SRK is: a card's lock never changes. */
  #context: LockContext | undefined
  #closed = false

  constructor(device: TpmDevice, store: CardStore, card: CardFile, settings: VaultSettings) {
    this.device = device
    this.unlock = new UnlockState(device)
    this.#store = store
    this.#settings = settings
    this.#seal = settings.seal
    this.#card = this.#asFound(card)
  }

  /** The card file as this process knows it. */
  get card(): CardFile {
    return this.#card
  }

  get table(): LockTable {
    const { table } = this.#settings
    return this.#card.seal === undefined ? withoutSeal(table) : table
  }

  /** The card and the keys of its seal; undefined for a card of Tessera 0.1.0, which has none. */
  get sealed(): { readonly card: SealedCard; readonly keys: SealKeys; readonly path: string } | undefined {
    const { seal } = this.#card
    if (seal === undefined || this.#seal === undefined) return undefined
    return { card: { ...this.#card, seal }, keys: this.#seal, path: this.#path }
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

  /** Runs `work`; where something is missing in the TPM, and the storage key too, the error says that it was cleared. */
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

  /** The lock, if it is known without asking the TPM. */
  get knownContext(): LockContext | undefined {
    const context = this.#context
    return context !== undefined && this.device.knownSrk(this.#card.srk.name) === context.srk ? context : undefined
  }

  /** The lock; checks that this is still the card's TPM. At once where that was done. */
  context(): LockContext | Promise<LockContext> {
    return this.knownContext ?? this.#newContext()
  }

  async #newContext(): Promise<LockContext> {
    const srk = await this.device.srk(this.#card.srk.name)
    if (this.#context?.srk !== srk) this.#context = lockContext(this.device, srk, this.#card, this.table)
    return this.#context
  }

  /** Changes the card file. Unchanged keys stay the same objects: loaded keys are identified by them. */
  async update(change: (card: CardFile) => CardFile): Promise<void> {
    const seal = this.#seal
    const changed = await this.#store.update(this.#card.name, this.#card.cardId, (card) => {
      if (seal !== undefined) return seal.reseal(card, change(card), this.#path)
      if (card.seal !== undefined) throw changedByOthers(card.name, this.#path)
      return change(card)
    })
    this.#card = this.#asFound(withKnown(changed, keysOf(this.#card)))
  }

  get #path(): string {
    return this.#store.home.of(this.#card.name, 'card')
  }

  /** Puts another card in place of this one, in the same TPM, which contains nothing of the old one any more. */
  become(card: CardFile, seal: SealKeys | undefined): void {
    this.#seal?.wipe()
    this.#seal = seal
    this.#card = this.#asFound(card)
    this.#context = undefined
  }

  #asFound(card: CardFile): CardFile {
    const { assurance = card.assurance } = this.#settings
    return assurance === card.assurance ? card : { ...card, assurance }
  }

  /** Drops everything that was verified, in memory and in the TPM, after the work under way; `last` is done first. */
  async forget(last: () => Promise<void>): Promise<void> {
    this.unlock.dropTicket()
    await this.exclusive(async () => {
      await last()
      await this.unlock.releaseSessions()
      for (const key of keysOf(this.#card)) await this.device.keys.evict(key)
      this.device.forgetSessionUser(this.unlock)
    })
  }

  /** Releases the TPM, after the work under way; `last` may still use it. */
  async close(last: () => Promise<void>): Promise<void> {
    if (this.#closed) return
    const forgotten = this.forget(last).catch(() => undefined) // a TPM that is gone has nothing of ours left
    this.#closed = true
    await forgotten
    this.#seal?.wipe()
    await releaseDevice(this.device)
  }
}

const keysOf = ({ keys, attestationKey, ak }: CardFile): KeyBlob[] => [
  ...Object.values(keys),
  ...(attestationKey === undefined ? [] : [attestationKey]),
  ...(ak === undefined ? [] : [ak.key]),
]

/** `card`, with each key that is among `known` replaced by the object that it was. */
function withKnown(card: CardFile, known: readonly KeyBlob[]): CardFile {
  const object = <Key extends KeyBlob>(key: Key): Key =>
    (known.find((one) => isDeepStrictEqual(one, key)) as Key | undefined) ?? key
  const keys = Object.fromEntries(Object.entries(card.keys).map(([slot, key]) => [slot, object(key)]))
  return {
    ...card,
    keys,
    ...(card.attestationKey && { attestationKey: object(card.attestationKey) }),
    ...(card.ak && { ak: { ...card.ak, key: object(card.ak.key) } }),
  }
}
