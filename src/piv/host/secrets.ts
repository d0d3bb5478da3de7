// How the PIN and the PUK stand, as the card's metadata say where it has some. Costs no try.
import type { LocalCard } from '../../channel.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'

/** What is known of one secret. */
export interface SecretFacts {
  /** Wrong tries left; undefined when nobody can know. */
  readonly left?: number | undefined
  /** Tries in all. */
  readonly limit?: number
  /** True when the count is this machine's memory and not the TPM's. */
  readonly advisory?: boolean
  /** True while it is the one that everybody knows. */
  readonly isDefault?: boolean
}

export class CardSecrets {
  readonly #owned: LocalCard | undefined
  readonly #extras: Extras

  constructor(owned: LocalCard | undefined, extras: Extras) {
    this.#owned = owned
    this.#extras = extras
  }

  /** The PIN has to be changed before the first private-key operation; false where nobody says. */
  get mustChange(): boolean {
    return this.#owned?.mustChangePin() ?? false
  }

  pin(exchange: Exchange): Promise<SecretFacts> {
    return this.#facts(exchange, 'pin')
  }

  /** undefined: the card has none. */
  async puk(exchange: Exchange): Promise<SecretFacts | undefined> {
    const facts = await this.#facts(exchange, 'puk')
    return facts.limit === 0 ? undefined : facts
  }

  async #facts(exchange: Exchange, which: 'pin' | 'puk'): Promise<SecretFacts> {
    const { left, ...facts } = await this.#extras.secret(exchange, which)
    const counted = this.#owned?.triesKnown(which) ?? 'known'
    return {
      ...facts,
      ...(left !== undefined && counted !== 'unknown' && { left }),
      ...(counted !== 'known' && { advisory: true }),
    }
  }
}
