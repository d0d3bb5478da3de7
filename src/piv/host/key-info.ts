// What a card says about the key in a slot: in metadata, where it has them, and in the certificate beside the key.

import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { type AnyCardError, CardError } from '../../errors.ts'
import { ifWellFormed } from '../../iso7816/tlv.ts'
import { type CardAlgorithm, cardAlgorithmById } from '../algorithms.ts'
import type { KeyOrigin, VaultKey } from '../card/vault.ts'
import { algorithmOf, fromKeyObject, readPublicKeyFields, toKeyObject } from '../public-key.ts'
import { defaultPinPolicy, type PinPolicy, SLOTS, type Slot } from '../slots.ts'
import { pinPolicyById } from '../templates.ts'
import { type Metadata, ORIGIN_IDS } from '../yubico.ts'
import { notUnderstood } from './certificates.ts'
import { foreignAlgorithm, foreignKind } from './foreign-keys.ts'

export interface KeyInfo {
  readonly slot: Slot
  /** `authentication`, `signature`, … */
  readonly name: string
  readonly algorithm: CardAlgorithm
  readonly pinPolicy: PinPolicy
  /** `unknown`: a card in a reader that does not say. */
  readonly origin: KeyOrigin | 'unknown'
  readonly publicKey: KeyObject
}

/** A slot content that cannot be used here: a key of another algorithm, or something that cannot be parsed. */
export interface UnusableKey {
  readonly slot: Slot
  readonly name: string
  /** `Ed25519`; undefined where nothing says that is understood. */
  readonly algorithm?: string
  /** The error that refuses a use of it. */
  readonly error: AnyCardError
}

export type SlotContent = KeyInfo | UnusableKey

export const isUsable = (content: SlotContent): content is KeyInfo => !('error' in content)

export const nameOf = (slot: Slot): string => SLOTS.get(slot) ?? slot

export function keyInfo({ slot, algorithm, pinPolicy, origin, spki }: VaultKey): KeyInfo {
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  return { slot, name: nameOf(slot), algorithm, pinPolicy, origin, publicKey }
}

/** What is known of a slot. */
export interface Known {
  readonly content: SlotContent
  /** The PIN policy is the card's own, or the standard's for cards that have no other. */
  readonly certain: boolean
}

export const unusable = (slot: Slot, algorithm: string | undefined, error?: AnyCardError): UnusableKey => ({
  slot,
  name: nameOf(slot),
  ...(algorithm !== undefined && { algorithm }),
  error:
    error ??
    new CardError(
      'ERR_NOT_SUPPORTED',
      `In slot ${slot} there is a key of ${algorithm ?? 'a kind that is not known here'}, which Tessera cannot use.`,
    ),
})

/** What a certificate (DER) says about the key in its slot. */
export function fromCertificate(slot: Slot, certificate: Uint8Array): SlotContent {
  let x509: X509Certificate
  try {
    x509 = new X509Certificate(certificate)
  } catch (cause) {
    return unusable(slot, undefined, notUnderstood(slot, cause))
  }
  let publicKey: KeyObject
  try {
    publicKey = x509.publicKey
  } catch {
    return unusable(slot, undefined)
  }
  const algorithm = ifWellFormed(() => algorithmOf(fromKeyObject(publicKey)))
  if (algorithm === undefined) return unusable(slot, foreignKind(publicKey))
  return { slot, name: nameOf(slot), algorithm, pinPolicy: defaultPinPolicy(slot), origin: 'unknown', publicKey }
}

/** Cards with a fingerprint reader have two more policies, where a finger serves as well. */
const MATCH_POLICIES: ReadonlyMap<number, PinPolicy> = new Map([
  [0x04, 'once'],
  [0x05, 'always'],
])

const ORIGINS = Object.keys(ORIGIN_IDS) as KeyOrigin[]

/**
 * What metadata say about a key, completed by the certificate beside it. Since the card answered for that slot, what
 * cannot be parsed still counts as an occupied slot.
 */
export function fromMetadata(slot: Slot, metadata: Partial<Metadata>, beside: SlotContent | undefined): Known {
  const { algorithm: id, policies, origin: from, publicKey: octets } = metadata
  const certified = beside !== undefined && isUsable(beside) ? beside : undefined
  if (id === undefined) return { content: beside ?? unusable(slot, undefined), certain: false }
  const algorithm = cardAlgorithmById(id[0] ?? 0)
  if (algorithm === undefined) return { content: unusable(slot, foreignAlgorithm(id[0] ?? 0)), certain: true }
  const told = octets && keyIn(octets, algorithm)
  if (octets !== undefined && told === undefined) {
    return { content: beside ?? hidden(slot, algorithm), certain: false }
  }
  const publicKey = told ?? (certified?.algorithm === algorithm ? certified.publicKey : undefined)
  if (publicKey === undefined) return { content: hidden(slot, algorithm), certain: false }
  const policy = policies?.[0]
  const pinPolicy = policy === undefined ? undefined : policyById(policy, slot)
  const origin = ORIGINS.find((one) => ORIGIN_IDS[one] === from?.[0]) ?? 'unknown'
  const content: KeyInfo = {
    slot,
    name: nameOf(slot),
    algorithm,
    pinPolicy: pinPolicy ?? defaultPinPolicy(slot),
    origin,
    publicKey,
  }
  return { content, certain: pinPolicy !== undefined }
}

/** The public key in metadata, if it is one of that algorithm. */
function keyIn(octets: Uint8Array, algorithm: CardAlgorithm): KeyObject | undefined {
  const fields = ifWellFormed(() => readPublicKeyFields(octets))
  return fields && algorithmOf(fields) === algorithm ? ifWellFormed(() => toKeyObject(fields)) : undefined
}

const policyById = (id: number, slot: Slot): PinPolicy | undefined =>
  id === 0x00 ? defaultPinPolicy(slot) : (pinPolicyById(id) ?? MATCH_POLICIES.get(id))

const hidden = (slot: Slot, algorithm: CardAlgorithm): UnusableKey =>
  unusable(
    slot,
    algorithm,
    new CardError(
      'ERR_NOT_SUPPORTED',
      `In slot ${slot} there is a key of ${algorithm}, and the card does not tell its public key. Put its certificate there, or name the public key: --public-key FILE.`,
    ),
  )
