// Which keys a card has. A card that has metadata says so; of any other PIV card they are known by their certificates.
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { CardError } from '../../errors.ts'
import { type Algorithm, algorithmById } from '../algorithms.ts'
import type { KeyOrigin, VaultKey } from '../card/vault.ts'
import { readKeyHistory } from '../contents.ts'
import { algorithmOf, fromKeyObject, readPublicKeyFields, toKeyObject } from '../public-key.ts'
import { defaultPinPolicy, keyReference, type PinPolicy, SLOTS, type Slot } from '../slots.ts'
import { pinPolicyById } from '../templates.ts'
import { type Metadata, ORIGIN_IDS } from '../yubico.ts'
import { readLeaf } from './certificates.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'
import { readObject } from './objects.ts'
import { ifWellFormed } from './well-formed.ts'

export interface KeyInfo {
  readonly slot: Slot
  /** `authentication`, `signature`, … */
  readonly name: string
  readonly algorithm: Algorithm
  readonly pinPolicy: PinPolicy
  /** `unknown`: a card in a reader that does not say. */
  readonly origin: KeyOrigin | 'unknown'
  readonly publicKey: KeyObject
}

export function keyInfo({ slot, algorithm, pinPolicy, origin, spki }: VaultKey): KeyInfo {
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  return { slot, name: nameOf(slot), algorithm, pinPolicy, origin, publicKey }
}

interface Known {
  readonly key: KeyInfo
  /** The PIN policy is the card's own word, or the reference's where cards have no other. */
  readonly certain: boolean
}

const nameOf = (slot: Slot): string => SLOTS.get(slot) ?? slot

/** What the certificate in a slot says of the key there. */
async function fromCertificate(exchange: Exchange, slot: Slot): Promise<KeyInfo | undefined> {
  const certificate = await readLeaf(exchange, slot)
  if (certificate === undefined) return undefined
  try {
    const { publicKey } = new X509Certificate(certificate)
    const algorithm = algorithmOf(fromKeyObject(publicKey))
    const name = nameOf(slot)
    return algorithm && { slot, name, algorithm, pinPolicy: defaultPinPolicy(slot), origin: 'unknown', publicKey }
  } catch {
    return undefined // a certificate that nobody can read, or of a kind of key that is not known here
  }
}

/** Cards with a finger reader have two policies more: a finger does as well. */
const MATCH_POLICIES: ReadonlyMap<number, PinPolicy> = new Map([
  [0x04, 'once'],
  [0x05, 'always'],
])

/** What the card itself says of the key in a slot; undefined where that does not fit together. */
function fromMetadata(
  slot: Slot,
  { algorithm: id, policies, origin: from, publicKey }: Partial<Metadata>,
): KeyInfo | undefined {
  if (id === undefined) return undefined
  const algorithm = algorithmById(id[0] ?? 0)
  if (algorithm === undefined) {
    throw new CardError('ERR_NOT_SUPPORTED', `The key in slot ${slot} is of an algorithm that is not known here.`)
  }
  const policy = policies?.[0] ?? 0x00
  const pinPolicy = policy === 0x00 ? defaultPinPolicy(slot) : (pinPolicyById(policy) ?? MATCH_POLICIES.get(policy))
  const origin = ORIGINS.find((one) => ORIGIN_IDS[one] === from?.[0]) ?? 'unknown'
  return ifWellFormed(() => {
    const fields = readPublicKeyFields(publicKey ?? new Uint8Array(0))
    if (algorithmOf(fields) !== algorithm || pinPolicy === undefined) return undefined
    return { slot, name: nameOf(slot), algorithm, pinPolicy, origin, publicKey: toKeyObject(fields) }
  })
}

/** A key of another algorithm; a certificate that is damaged, or not for everybody to read. */
const UNKNOWABLE: readonly string[] = ['ERR_NOT_SUPPORTED', 'ERR_DATA', 'ERR_CARD_REFUSED', 'ERR_PIN_REQUIRED']

const ORIGINS = Object.keys(ORIGIN_IDS) as KeyOrigin[]
const ALL = [...SLOTS.keys()] as Slot[]
const RETIRED = ALL.filter((slot) => nameOf(slot).startsWith('retired-'))
const NAMED = ALL.filter((slot) => !RETIRED.includes(slot))
/** Slots whose keys want the PIN right before their use: nothing can be asked of the card then. */
const ALWAYS = ALL.filter((slot) => defaultPinPolicy(slot) === 'always')

/** The keys of one card. What the card said of them is remembered until they are changed through this object. */
export class CardKeys {
  readonly #extras: Extras
  readonly #isShared: boolean
  readonly #known = new Map<Slot, Known>()
  #learnt = false

  /** `isShared`: other programs reach the card too, and may change its keys. */
  constructor(extras: Extras, isShared: boolean) {
    this.#extras = extras
    this.#isShared = isShared
  }

  /**
   * Keys of an algorithm that is not known here are left out. A card with metadata answers a short command for each slot;
   * of any other, certificates are read, those of retired keys as its key history says.
   */
  async list(exchange: Exchange): Promise<KeyInfo[]> {
    if (!this.#isShared) {
      await this.learn(exchange)
      if (this.#learnt) return ALL.flatMap((slot) => this.known(slot) ?? [])
    }
    const named = await this.#listed(exchange, NAMED)
    return [...named, ...(await this.#listed(exchange, this.#extras.hasMetadata ? RETIRED : await announced(exchange)))]
  }

  /**
   * The key in a slot, as the card says now; of a card that nobody else changes, as it said before. One that was made
   * through this object may have no certificate yet.
   */
  async find(exchange: Exchange, slot: Slot): Promise<KeyInfo | undefined> {
    if (!this.#isShared && this.policyOf(slot) !== undefined) return this.known(slot)
    const metadata = await this.#extras.metadata(exchange, keyReference(slot))
    if (metadata === 'absent') this.#known.delete(slot)
    const told = metadata === undefined || metadata === 'absent' ? undefined : fromMetadata(slot, metadata)
    if (told !== undefined) this.#known.set(slot, { key: told, certain: true })
    else if (metadata !== 'absent') await this.#read(exchange, slot)
    return this.#known.get(slot)?.key
  }

  /** The key in a slot where it is known. */
  known(slot: Slot): KeyInfo | undefined {
    return this.#known.get(slot)?.key
  }

  /** The key in a slot for a use of it: where it is known, no command comes between VERIFY and that use. */
  async toUse(exchange: Exchange, slot: Slot): Promise<KeyInfo | undefined> {
    return this.known(slot) ?? this.find(exchange, slot)
  }

  /** The PIN policy of a key, where it is known for certain without asking. */
  policyOf(slot: Slot): PinPolicy | undefined {
    const known = this.#known.get(slot)
    return known?.certain ? known.key.pinPolicy : undefined
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
    for (const slot of ALL) await this.#tryToKnow(exchange, slot)
    this.#learnt = true
  }

  /** A key came to the card through this object. */
  remember(key: Omit<KeyInfo, 'name'>): void {
    this.#changed()
    this.#known.set(key.slot, { key: { ...key, name: nameOf(key.slot) }, certain: true })
  }

  /** A key left its slot, or is perhaps another one than was known. */
  forget(slot: Slot): void {
    this.#changed()
    this.#known.delete(slot)
  }

  /** A card in this process reads its file again to change it, and may find what another process has changed. */
  #changed(): void {
    this.#learnt = false
    if (!this.#isShared) this.#known.clear()
  }

  async #tryToKnow(exchange: Exchange, slot: Slot): Promise<void> {
    await this.toUse(exchange, slot).catch((error: unknown) => {
      if (!(error instanceof CardError) || !UNKNOWABLE.includes(error.code)) throw error
    })
  }

  async #listed(exchange: Exchange, slots: readonly Slot[]): Promise<KeyInfo[]> {
    const keys: KeyInfo[] = []
    for (const slot of slots) {
      const key = await this.find(exchange, slot).catch((error: unknown) => {
        if (error instanceof CardError && error.code === 'ERR_NOT_SUPPORTED') return undefined
        throw error
      })
      if (key !== undefined) keys.push(key)
    }
    return keys
  }

  async #read(exchange: Exchange, slot: Slot): Promise<void> {
    const told = await fromCertificate(exchange, slot)
    // The certificate beside a new key is that of the old one until somebody puts another there.
    if (told === undefined || this.#known.get(slot)?.key.origin === 'generated') return
    // Policies of their own have only cards with Yubico's instructions, and the older ones of these do not tell them.
    this.#known.set(slot, { key: told, certain: (await this.#extras.version(exchange)) === undefined })
  }
}

/** Retired keys that have a certificate on the card: they fill 82 and up. All of them where the card has no history. */
async function announced(exchange: Exchange): Promise<readonly Slot[]> {
  const content = await readObject(exchange, 'key-history')
  const history = content && readKeyHistory(content)
  return history === undefined ? RETIRED : RETIRED.slice(0, history.onCard)
}
