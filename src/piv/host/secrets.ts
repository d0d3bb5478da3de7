// How the PIN and the PUK stand: a card in this process tells its owner, any other one by its metadata, where it has some.
// Costs no try.
import type { LocalCard, Tries } from '../../channel.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'

/** What is known of one secret. */
export interface SecretFacts extends Partial<Tries> {
  /** True while it is the one that everybody knows. */
  readonly isDefault?: boolean
}

export class CardSecrets {
  readonly #local: LocalCard | undefined
  readonly #extras: Extras

  constructor(local: LocalCard | undefined, extras: Extras) {
    this.#local = local
    this.#extras = extras
  }

  /** The PIN has to be changed before the first private-key operation; false where nobody says. */
  get mustChange(): boolean {
    return this.#local?.mustChangePin() ?? false
  }

  async pin(exchange: Exchange): Promise<SecretFacts> {
    if (this.#local === undefined) return this.#extras.secret(exchange, 'pin')
    return { ...(await this.#local.pinTries()), isDefault: this.#local.defaults().includes('pin') }
  }

  /** undefined: the card has none. */
  async puk(exchange: Exchange): Promise<SecretFacts | undefined> {
    if (this.#local === undefined) {
      const told = await this.#extras.secret(exchange, 'puk')
      return told.limit === 0 ? undefined : told
    }
    const tries = await this.#local.pukTries()
    return tries && { ...tries, isDefault: this.#local.defaults().includes('puk') }
  }
}
