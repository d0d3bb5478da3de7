// Which keys a card has. A card that has metadata says so; of any other PIV card they are known by their certificates.
import type { KeyObject } from 'node:crypto'
import { type AnyCardError, CardError } from '../../errors.ts'
import { ifWellFormed } from '../../iso7816/tlv.ts'
import { readKeyHistory } from '../contents.ts'
import { algorithmOf, fromKeyObject } from '../public-key.ts'
import { defaultPinPolicy, isRetired, keyReference, type PinPolicy, SLOTS, type Slot } from '../slots.ts'
import { readLeaf } from './certificates.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'
import {
  fromCertificate,
  fromMetadata,
  isUsable,
  type KeyInfo,
  type Known,
  nameOf,
  type SlotContent,
  unusable,
} from './key-info.ts'
import { readObject } from './objects.ts'
import { ifReadable, isOfOneItem } from './readable.ts'

const ALL = [...SLOTS.keys()] as Slot[]
const RETIRED = ALL.filter(isRetired)
const NAMED = ALL.filter((slot) => !isRetired(slot))
/** Slots whose keys want the PIN right before their use: nothing can be asked of the card then. */
const ALWAYS = ALL.filter((slot) => defaultPinPolicy(slot) === 'always')

/** The keys of one card. What the card said of them is remembered until they are changed through this object. */
export class CardKeys {
  readonly #extras: Extras
  readonly #isShared: boolean
  readonly #known = new Map<Slot, Known>()
  /** Slots whose public keys somebody named. */
  readonly #named = new Set<Slot>()
  #learnt = false

  /** `isShared`: other programs reach the card too, and may change its keys. */
  constructor(extras: Extras, isShared: boolean) {
    this.#extras = extras
    this.#isShared = isShared
  }

  /**
   * What is in the slots of the card: keys, and what is of no use here. A card with metadata answers a short command for
   * each slot; of any other, certificates are read, those of retired keys as its key history says.
   */
  async list(exchange: Exchange): Promise<SlotContent[]> {
    if (!this.#isShared) {
      await this.learn(exchange)
      if (this.#learnt) return ALL.flatMap((slot) => this.#known.get(slot)?.content ?? [])
    }
    const named = await this.#listed(exchange, NAMED)
    return [...named, ...(await this.#listed(exchange, this.#extras.hasMetadata ? RETIRED : await announced(exchange)))]
  }

  /**
   * What is in a slot, as the card says now; of a card that nobody else changes, as it said before. A key that was made
   * through this object may have no certificate yet.
   */
  async look(exchange: Exchange, slot: Slot): Promise<SlotContent | undefined> {
    if (!this.#isShared && this.policyOf(slot) !== undefined) return this.known(slot)
    const metadata = await this.#extras.metadata(exchange, keyReference(slot))
    if (metadata === 'absent') {
      this.#known.delete(slot)
      return undefined
    }
    const first = metadata && fromMetadata(slot, metadata, undefined)
    const isWhole = first !== undefined && (first.certain || isUsable(first.content))
    const beside = isWhole ? undefined : await certified(exchange, slot)
    const told = beside === undefined ? first : metadata && fromMetadata(slot, metadata, beside)
    if (told !== undefined && (told.certain || !this.#isOurs(slot))) this.#known.set(slot, told)
    else if (told === undefined && beside !== undefined && !this.#isOurs(slot)) {
      // Policies of their own have only cards with Yubico's instructions, and the older ones of these do not tell them.
      this.#known.set(slot, { content: beside, certain: (await this.#extras.version(exchange)) === undefined })
    }
    return this.#known.get(slot)?.content
  }

  /** The certificate beside a new key is that of the old one until somebody puts another there. */
  #isOurs(slot: Slot): boolean {
    const content = this.#known.get(slot)?.content
    return content !== undefined && isUsable(content) && (content.origin === 'generated' || this.#named.has(slot))
  }

  /** The key in a slot. @throws CardError ERR_KEY_ABSENT, ERR_NOT_SUPPORTED, ERR_DATA */
  async find(exchange: Exchange, slot: Slot): Promise<KeyInfo> {
    return this.#usable(slot, await this.look(exchange, slot))
  }

  /**
   * The public key of a key that the card does not tell of, from whoever kept it. What the card tells stands.
   * @throws CardError ERR_CERTIFICATE_KEY where the card tells of another key, ERR_KEY_ABSENT of none, ERR_NOT_SUPPORTED
   */
  async name(exchange: Exchange, slot: Slot, publicKey: KeyObject): Promise<void> {
    const content = await ifReadable(() => this.look(exchange, slot))
    if (content !== undefined && isUsable(content)) {
      if (content.publicKey.equals(publicKey)) return
      throw new CardError('ERR_CERTIFICATE_KEY', `The card says that slot ${slot} has another key than the one named.`)
    }
    if (content === undefined && this.#extras.hasMetadata) throw noKey(slot, true)
    const algorithm = ifWellFormed(() => algorithmOf(fromKeyObject(publicKey)))
    if (algorithm === undefined || (content?.algorithm ?? algorithm) !== algorithm) {
      throw new CardError('ERR_NOT_SUPPORTED', `The public key named is not one that slot ${slot} can have here.`)
    }
    const key = { slot, name: nameOf(slot), algorithm, pinPolicy: defaultPinPolicy(slot), origin: 'unknown', publicKey }
    this.#named.add(slot)
    this.#known.set(slot, { content: key as KeyInfo, certain: (await this.#extras.version(exchange)) === undefined })
  }

  /** The key in a slot where it is known. */
  known(slot: Slot): KeyInfo | undefined {
    const content = this.#known.get(slot)?.content
    return content !== undefined && isUsable(content) ? content : undefined
  }

  /** The key in a slot for a use of it: where it is known, no command comes between VERIFY and that use. @throws as `find` */
  async toUse(exchange: Exchange, slot: Slot): Promise<KeyInfo> {
    return this.known(slot) ?? this.find(exchange, slot)
  }

  /** The PIN policy of a key, where it is known for certain without asking. */
  policyOf(slot: Slot): PinPolicy | undefined {
    return this.#known.get(slot)?.certain ? this.known(slot)?.pinPolicy : undefined
  }

  /**
   * To be called before VERIFY, which allows the very next command one use of an `always` key: that key is known then. What
   * cannot be known is left to the use, which finds it out again.
   */
  async learn(exchange: Exchange): Promise<void> {
    if (this.#learnt) return
    for (const slot of ALWAYS) await this.#tryToKnow(exchange, slot)
    if (this.#isShared || !this.#extras.hasMetadata) return
    // A card that nobody else changes: all its keys, once.
    for (const slot of ALL) {
      if (this.known(slot) !== undefined) continue
      const content = await this.look(exchange, slot).catch((error: unknown) => withheld(slot, error))
      if (content !== undefined && !isUsable(content)) this.#known.set(slot, { content, certain: false })
    }
    this.#learnt = true
  }

  /** A key came to the card through this object. */
  remember(key: Omit<KeyInfo, 'name'>): void {
    this.#changed()
    this.#known.set(key.slot, { content: { ...key, name: nameOf(key.slot) }, certain: true })
  }

  /** A key left its slot, or is perhaps another one than was known. */
  forget(slot: Slot): void {
    this.#changed()
    this.#known.delete(slot)
  }

  /** A card in this process reads its file again to change it, and may find what another process has changed. */
  #changed(): void {
    this.#named.clear()
    this.#learnt = false
    if (!this.#isShared) this.#known.clear()
  }

  async #tryToKnow(exchange: Exchange, slot: Slot): Promise<void> {
    if (this.known(slot) === undefined) await ifReadable(() => this.look(exchange, slot))
  }

  async #listed(exchange: Exchange, slots: readonly Slot[]): Promise<SlotContent[]> {
    const found: SlotContent[] = []
    for (const slot of slots) {
      const content = await this.look(exchange, slot).catch((error: unknown) => withheld(slot, error))
      if (content !== undefined) found.push(content)
    }
    return found
  }

  #usable(slot: Slot, content: SlotContent | undefined): KeyInfo {
    if (content === undefined) throw noKey(slot, this.#extras.hasMetadata)
    if (isUsable(content)) return content
    throw content.error
  }
}

/** What the certificate in a slot says of the key there. */
async function certified(exchange: Exchange, slot: Slot): Promise<SlotContent | undefined> {
  try {
    const certificate = await readLeaf(exchange, slot)
    return certificate && fromCertificate(slot, certificate)
  } catch (error) {
    if (isOfOneItem(error) && error.code === 'ERR_DATA') return unusable(slot, undefined, error)
    throw error
  }
}

/** A certificate that needs the PIN says nothing without it, there or not. What fails otherwise is in the listing. */
function withheld(slot: Slot, error: unknown): SlotContent | undefined {
  if (!isOfOneItem(error)) throw error
  return error.code === 'ERR_PIN_REQUIRED' ? undefined : unusable(slot, undefined, error)
}

/** PIV has no command that tells of keys: without metadata a key that has no certificate is seen by nobody. */
function noKey(slot: Slot, hasMetadata: boolean): AnyCardError {
  const text = hasMetadata
    ? `There is no key in slot ${slot}. Make one: tessera key generate ${slot}.`
    : `There is no certificate in slot ${slot}, and this card cannot tell of a key without one. Name its public key (--public-key FILE), put its certificate there, or make a key: tessera key generate ${slot}.`
  return new CardError('ERR_KEY_ABSENT', text)
}

/** Retired keys that have a certificate on the card: they fill 82 and up. All of them where the card has no history. */
async function announced(exchange: Exchange): Promise<readonly Slot[]> {
  const content = await ifReadable(() => readObject(exchange, 'key-history'))
  const history = content && readKeyHistory(content)
  return history === undefined ? RETIRED : RETIRED.slice(0, history.onCard)
}
