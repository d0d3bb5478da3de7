// PIV data objects of a TPM card: they are stored in its file.
import type { ObjectStore } from '../../piv/card/vault.ts'
import type { CardState } from './card-state.ts'
import { without } from './keys.ts'

export class TpmObjects implements ObjectStore {
  readonly #state: CardState

  constructor(state: CardState) {
    this.#state = state
  }

  tags(): readonly string[] {
    return Object.keys(this.#state.card.objects)
  }

  get(tag: string): Uint8Array | undefined {
    return this.#state.card.objects[tag]
  }

  async put(tag: string, content: Uint8Array): Promise<void> {
    await this.#state.update((card) => ({ ...card, objects: { ...card.objects, [tag]: content } }))
  }

  async delete(tag: string): Promise<void> {
    await this.#state.update((card) => ({ ...card, objects: without(card.objects, tag) }))
  }
}
