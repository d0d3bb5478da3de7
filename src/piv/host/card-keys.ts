// Which keys a card has: from metadata, where the card has them, and from certificates on any other PIV card.
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
/** Slots whose keys need the PIN right before each use, when nothing else can be asked of the card. */
const ALWAYS = ALL.filter((slot) => defaultPinPolicy(slot) === 'always')

/** The keys of one card. What the card reported is remembered until the keys are changed through this object. */
export class CardKeys {
  readonly #extras: Extras
  readonly #isShared: boolean
  readonly #known = new Map<Slot, Known>()
  /** Slots whose public keys were named by the program. */
  readonly #named = new Set<Slot>()
  #learnt = false

  /** `isShared`: other programs reach the card too, and may change its keys. */
  constructor(extras: Extras, isShared: boolean) {
    this.#extras = extras
    this.#isShared = isShared
  }

  /**
   * What is in the slots of the card: keys, and contents that cannot be used here. A card with metadata is asked about
   * each slot with a short command. On any other, certificates are read, those of retired keys by its key history.
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
   * What is in a slot, as the card reports it now; for a card that nobody else changes, as it reported before. A key that
   * was made through this object may have no certificate yet.
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
      // Only cards with Yubico's instructions have PIN policies of their own, and older ones do not report them.
      this.#known.set(slot, { content: beside, certain: (await this.#extras.version(exchange)) === undefined })
    }
    return this.#known.get(slot)?.content
  }

  /** Beside a new key is still the certificate of the old one, until another is written. */
  #isOurs(slot: Slot): boolean {
    const content = this.#known.get(slot)?.content
    return content !== undefined && isUsable(content) && (content.origin === 'generated' || this.#named.has(slot))
  }

  /** The key in a slot. @throws CardError ERR_KEY_ABSENT, ERR_NOT_SUPPORTED, ERR_DATA */
  async find(exchange: Exchange, slot: Slot): Promise<KeyInfo> {
    return this.#usable(slot, await this.look(exchange, slot))
  }

  /**
   * Names the public key of a key that the card does not report. What the card reports takes precedence.
   * @throws CardError ERR_CERTIFICATE_KEY where the card reports another key, ERR_KEY_ABSENT for none, ERR_NOT_SUPPORTED
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

  /** The key in a slot, if it is known. */
  known(slot: Slot): KeyInfo | undefined {
    const content = this.#known.get(slot)?.content
    return content !== undefined && isUsable(content) ? content : undefined
  }

  /** The key in a slot, to use it: if it is known, no command comes between VERIFY and that use. @throws as `find` */
  async toUse(exchange: Exchange, slot: Slot): Promise<KeyInfo> {
    return this.known(slot) ?? this.find(exchange, slot)
  }

  /** The PIN policy of a key, if it is known for certain without asking. */
  policyOf(slot: Slot): PinPolicy | undefined {
    return this.#known.get(slot)?.certain ? this.known(slot)?.pinPolicy : undefined
  }

  /**
   * To be called before VERIFY, because only the very next command may use an `always` key: its key is then known. What
   * cannot be learnt here is left to the use, which meets the same obstacle again.
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

  /** A key was put on the card through this object. */
  remember(key: Omit<KeyInfo, 'name'>): void {
    this.#changed()
    this.#known.set(key.slot, { content: { ...key, name: nameOf(key.slot) }, certain: true })
  }

  /** A key left its slot, or may no longer be the one that was known. */
  forget(slot: Slot): void {
    this.#changed()
    this.#known.delete(slot)
  }

  /** A card in this process rereads its file before a change, and may find what another process has changed. */
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

/** What the certificate in a slot says about its key. */
async function certified(exchange: Exchange, slot: Slot): Promise<SlotContent | undefined> {
  try {
    const certificate = await readLeaf(exchange, slot)
    return certificate && fromCertificate(slot, certificate)
  } catch (error) {
    if (isOfOneItem(error) && error.code === 'ERR_DATA') return unusable(slot, undefined, error)
    throw error
  }
}

/** A certificate that needs the PIN is unknown without it, whether present or not. Other failures are listed. */
function withheld(slot: Slot, error: unknown): SlotContent | undefined {
  if (!isOfOneItem(error)) throw error
  return error.code === 'ERR_PIN_REQUIRED' ? undefined : unusable(slot, undefined, error)
}

/** PIV has no command that reports keys: without metadata, a key without a certificate cannot be seen. */
function noKey(slot: Slot, hasMetadata: boolean): AnyCardError {
  const text = hasMetadata
    ? `There is no key in slot ${slot}. Make one: tessera key generate ${slot}.`
    : `There is no certificate in slot ${slot}, and this card cannot tell of a key without one. Name its public key (--public-key FILE), put its certificate there, or make a key: tessera key generate ${slot}.`
  return new CardError('ERR_KEY_ABSENT', text)
}

/** Retired keys with a certificate on the card fill slots 82 and up. All slots where the card has no history. */
async function announced(exchange: Exchange): Promise<readonly Slot[]> {
  const content = await ifReadable(() => readObject(exchange, 'key-history'))
  const history = content && readKeyHistory(content)
  return history === undefined ? RETIRED : RETIRED.slice(0, history.onCard)
}
