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

/** The keys of the card, or the one in `only`. */
export async function findKeys(exchange: Exchange, local: LocalCard | undefined, only?: Slot): Promise<KeyInfo[]> {
  const wanted = (slot: string) => only === undefined || slot === only
  if (local !== undefined)
    return local
      .keys()
      .filter(({ slot }) => wanted(slot))
      .map(keyInfo)
  const keys: KeyInfo[] = []
  for (const [slot, name] of SLOTS) {
    if (!wanted(slot)) continue
    const found = await readCertificate(exchange, slot as Slot)
    if (found === undefined) continue
    const { publicKey } = new X509Certificate(found.certificate)
    const algorithm = algorithmOf(fromKeyObject(publicKey))
    if (algorithm === undefined) continue
    keys.push({
      slot: slot as Slot,
      name,
      algorithm,
      pinPolicy: defaultPinPolicy(slot as Slot),
      origin: 'unknown',
      publicKey,
    })
  }
  return keys
}
