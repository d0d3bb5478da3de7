// The state of PIN and PUK, from metadata where the card has them. Costs no try.
import type { LocalCard } from '../../channel.ts'
import { labelIn, OUR_LABEL } from '../application.ts'
import { PIN_USAGE, readDiscovery } from '../contents.ts'
import { anySecretBytes, PIN_REFERENCES, pinBytes, pukBytes, type Secret } from '../pin.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'
import { readObject } from './objects.ts'
import { ifReadable } from './readable.ts'

/** What is known about one secret. */
export interface SecretFacts {
  /** Wrong tries left; undefined when nobody can know. */
  readonly left?: number | undefined
  /** Tries in all. */
  readonly limit?: number
  /** True when the count is this machine's memory and not the TPM's. */
  readonly advisory?: boolean
  /** True while it is the publicly known default. */
  readonly isDefault?: boolean
}

/** The PIN by which the card lets its keys be used: SP 800-73-5 part 1, 3.3.2. */
function primaryPin(discovery: Uint8Array | undefined): number {
  const [usage = PIN_USAGE.pin, preferred = 0x00] = (discovery && readDiscovery(discovery).policy) ?? []
  const hasGlobal = (usage & PIN_USAGE.globalPin) !== 0
  const isPrimary = preferred === GLOBAL_PREFERRED || (usage & PIN_USAGE.pin) === 0
  return hasGlobal && isPrimary ? PIN_REFERENCES.globalPin : PIN_REFERENCES.pin
}

/** Second octet of the PIN usage policy. */
const GLOBAL_PREFERRED = 0x20

export class CardSecrets {
  readonly #owned: LocalCard | undefined
  readonly #extras: Extras
  /** Key reference of the PIN, once the card has been asked. */
  #reference: number | undefined
  /** Whether this is a Tessera card, in this process or in a reader. */
  #isOurs: boolean

  constructor(owned: LocalCard | undefined, extras: Extras) {
    this.#owned = owned
    this.#extras = extras
    this.#isOurs = owned !== undefined
    if (owned !== undefined) this.#reference = PIN_REFERENCES.pin
  }

  /** PIV was selected, with this answer: the card may be a new one. */
  selected(answer: Uint8Array): void {
    if (this.#owned !== undefined) return
    this.#isOurs = labelIn(answer) === OUR_LABEL
    this.#reference = this.#isOurs ? PIN_REFERENCES.pin : undefined
  }

  /** The content of the discovery object was read; undefined where there is none. */
  discovered(content: Uint8Array | undefined): void {
    if (this.#owned === undefined) this.#reference = primaryPin(content)
  }

  /** P2 of the PIN commands. */
  async reference(exchange: Exchange): Promise<number> {
    if (this.#reference === undefined) this.discovered(await ifReadable(() => readObject(exchange, 'discovery')))
    return this.#reference ?? PIN_REFERENCES.pin
  }

  /**
   * A copy, to wipe after use, of a PIN or PUK that may be valid on this card: 6 to 8 digits for the PIN of a Tessera
   * card; other makers' cards have rules of their own.
   * @throws PinError ERR_PIN_FORMAT, ERR_PUK_FORMAT, before anything is sent: no try is used up
   */
  bytes(secret: Secret, which: 'PIN' | 'PUK'): Uint8Array {
    if (!this.#isOurs) return anySecretBytes(secret, which)
    return which === 'PIN' ? pinBytes(secret) : pukBytes(secret)
  }

  /** The PIN has to be changed before the first private-key operation; false where the card does not say. */
  get mustChange(): boolean {
    return this.#owned?.mustChangePin() ?? false
  }

  pin(exchange: Exchange): Promise<SecretFacts> {
    return this.#facts(exchange, 'pin')
  }

  /** undefined: the card has no PUK. */
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
