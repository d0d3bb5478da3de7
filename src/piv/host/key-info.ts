// Which keys a card has. A card in this process says so, and so does one in a reader that has metadata; of any other PIV
// card they are known by their certificates.
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { LocalCard } from '../../channel.ts'
import { CardError } from '../../errors.ts'
import { type Algorithm, algorithmById } from '../algorithms.ts'
import type { KeyOrigin } from '../card/vault.ts'
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

/** What a card file or a vault says of a key. */
export interface KeyFacts {
  readonly slot: string
  readonly algorithm: Algorithm
  readonly pinPolicy: PinPolicy
  readonly origin: KeyOrigin
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array
}

/** Made once for each set of facts: parsing a key takes half as long as a signature. */
const infos = new WeakMap<KeyFacts, KeyInfo>()

export function keyInfo(facts: KeyFacts): KeyInfo {
  const known = infos.get(facts)
  if (known !== undefined) return known
  const { slot, algorithm, pinPolicy, origin, spki } = facts
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  const info = { slot: slot as Slot, name: SLOTS.get(slot) ?? slot, algorithm, pinPolicy, origin, publicKey }
  infos.set(facts, info)
  return info
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

/** The keys of one card. A card in this process is asked each time; of another one it is remembered what it said. */
export class CardKeys {
  readonly #local: LocalCard | undefined
  readonly #extras: Extras
  readonly #known = new Map<Slot, Known>()

  constructor(local: LocalCard | undefined, extras: Extras) {
    this.#local = local
    this.#extras = extras
  }

  /**
   * Keys of an algorithm that is not known here are left out. A card with metadata answers a short command for each slot;
   * of any other, certificates are read, those of retired keys as its key history says.
   */
  async list(exchange: Exchange): Promise<KeyInfo[]> {
    if (this.#local !== undefined) return this.#local.keys().map(keyInfo)
    const named = await this.#listed(exchange, NAMED)
    return [...named, ...(await this.#listed(exchange, this.#extras.tells ? RETIRED : await announced(exchange)))]
  }

  /** The key in a slot, as the card says now. One that was made through this object may have no certificate yet. */
  async find(exchange: Exchange, slot: Slot): Promise<KeyInfo | undefined> {
    if (this.#local !== undefined) {
      const key = this.#local.keys().find((one) => one.slot === slot)
      return key && keyInfo(key)
    }
    const metadata = await this.#extras.metadata(exchange, keyReference(slot))
    if (metadata === 'absent') this.forget(slot)
    const told = metadata === undefined || metadata === 'absent' ? undefined : fromMetadata(slot, metadata)
    if (told !== undefined) this.#known.set(slot, { key: told, certain: true })
    else if (metadata !== 'absent') await this.#read(exchange, slot)
    return this.#known.get(slot)?.key
  }

  /** The key in a slot for a use of it: where it is known, no command comes between VERIFY and that use. */
  async toUse(exchange: Exchange, slot: Slot): Promise<KeyInfo | undefined> {
    return this.#known.get(slot)?.key ?? this.find(exchange, slot)
  }

  /** The PIN policy of a key of another card, where it is known for certain without asking. */
  policyOf(slot: Slot): PinPolicy | undefined {
    const known = this.#known.get(slot)
    return known?.certain ? known.key.pinPolicy : undefined
  }

  /** To be called before VERIFY, which does without what cannot be known: the use of that key finds it out again. */
  async beforeVerify(exchange: Exchange): Promise<void> {
    if (this.#local !== undefined) return
    for (const slot of ALWAYS) {
      await this.toUse(exchange, slot).catch((error: unknown) => {
        if (!(error instanceof CardError) || !UNKNOWABLE.includes(error.code)) throw error
      })
    }
  }

  /** A key came to the card through this object. */
  made(key: Omit<KeyInfo, 'name'>): void {
    if (this.#local !== undefined) return
    this.#known.set(key.slot, { key: { ...key, name: nameOf(key.slot) }, certain: true })
  }

  forget(slot: Slot): void {
    this.#known.delete(slot)
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
