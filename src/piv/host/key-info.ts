// Which keys a card has. A card in this process says so; of any other PIV card it is known by its certificates.
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { LocalCard } from '../../channel.ts'
import type { Algorithm } from '../algorithms.ts'
import type { KeyOrigin } from '../card/vault.ts'
import { algorithmOf, fromKeyObject } from '../public-key.ts'
import { defaultPinPolicy, type PinPolicy, SLOTS, type Slot } from '../slots.ts'
import { readCertificate } from './certificates.ts'
import type { Exchange } from './exchange.ts'

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

export function keyInfo({ slot, algorithm, pinPolicy, origin, spki }: KeyFacts): KeyInfo {
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  return { slot: slot as Slot, name: SLOTS.get(slot) ?? slot, algorithm, pinPolicy, origin, publicKey }
}

/** What the certificate in a slot says of the key there. */
async function fromCertificate(exchange: Exchange, slot: Slot): Promise<KeyInfo | undefined> {
  const found = await readCertificate(exchange, slot)
  if (found === undefined) return undefined
  try {
    const { publicKey } = new X509Certificate(found.certificate)
    const algorithm = algorithmOf(fromKeyObject(publicKey))
    const name = SLOTS.get(slot) ?? slot
    return algorithm && { slot, name, algorithm, pinPolicy: defaultPinPolicy(slot), origin: 'unknown', publicKey }
  } catch {
    return undefined // a certificate that nobody can read, or of a kind of key that is not known here
  }
}

/** Slots whose keys want the PIN right before their use: nothing can be asked of the card then. */
const ALWAYS = [...SLOTS.keys()].map((slot) => slot as Slot).filter((slot) => defaultPinPolicy(slot) === 'always')

/** The keys of one card. A card in this process is asked each time; of another one it is remembered what it said. */
export class CardKeys {
  readonly #local: LocalCard | undefined
  readonly #known = new Map<Slot, KeyInfo>()

  constructor(local: LocalCard | undefined) {
    this.#local = local
  }

  async list(exchange: Exchange): Promise<KeyInfo[]> {
    if (this.#local !== undefined) return this.#local.keys().map(keyInfo)
    const keys: KeyInfo[] = []
    for (const slot of SLOTS.keys()) {
      const key = await this.find(exchange, slot as Slot)
      if (key !== undefined) keys.push(key)
    }
    return keys
  }

  /** The key in a slot, as the card says now. One that was made through this object may have no certificate yet. */
  async find(exchange: Exchange, slot: Slot): Promise<KeyInfo | undefined> {
    if (this.#local !== undefined) {
      const key = this.#local.keys().find((one) => one.slot === slot)
      return key && keyInfo(key)
    }
    const told = await fromCertificate(exchange, slot)
    // The certificate beside a new key is that of the old one until somebody puts another there.
    if (told !== undefined && this.#known.get(slot)?.origin !== 'generated') this.#known.set(slot, told)
    return this.#known.get(slot)
  }

  /** The key in a slot for a use of it: where it is known, no command comes between VERIFY and that use. */
  async toUse(exchange: Exchange, slot: Slot): Promise<KeyInfo | undefined> {
    return this.#known.get(slot) ?? this.find(exchange, slot)
  }

  /** The PIN policy of a key of another card, where it is known without asking. */
  policyOf(slot: Slot): PinPolicy | undefined {
    return this.#known.get(slot)?.pinPolicy
  }

  /** To be called before VERIFY. */
  async beforeVerify(exchange: Exchange): Promise<void> {
    if (this.#local === undefined) for (const slot of ALWAYS) await this.toUse(exchange, slot)
  }

  /** A key was made through this object. */
  made(key: Omit<KeyInfo, 'name' | 'origin'>): void {
    if (this.#local !== undefined) return
    this.#known.set(key.slot, { ...key, name: SLOTS.get(key.slot) ?? key.slot, origin: 'generated' })
  }
}
