// Yubico's extensions of PIV, used by programs made for their cards: versions, serial numbers, facts about keys, and the
// data fields of key management. docs.yubico.com, "PIV APDUs"; developers.yubico.com, "Yubico extensions".
import { concat, wipe } from '../bytes.ts'
import { type FieldsOf, knownFields, readFields, writeFields } from '../iso7816/fields.ts'
import { TlvError, tlv } from '../iso7816/tlv.ts'
import { ADMIN_ALGORITHMS, type AdminAlgorithm, ALGORITHMS, type Algorithm, adminAlgorithmById } from './algorithms.ts'
import { isWeakDesKey } from './des.ts'
import type { PrivateKeyParts } from './private-key.ts'
import { ADMIN_KEY, PIN_POLICY_IDS, type PinPolicy } from './slots.ts'
import { POLICIES, pinPolicyOf, policyIds } from './templates.ts'

/** Instructions. */
export const YUBICO = {
  attest: 0xf9,
  getMetadata: 0xf7,
  getSerial: 0xf8,
  getVersion: 0xfd,
  importKey: 0xfe,
  moveKey: 0xf6,
  reset: 0xfb,
  setAdminKey: 0xff,
  setTries: 0xfa,
} as const

/**
 * Programs check the version before they use a feature, so this is the last one whose features are all there: metadata,
 * AES admin keys, VERIFY with P1 = FF. 5.7 would promise Ed25519, X25519 and RSA-4096, which TPMs do not have.
 */
export const FIRMWARE = Uint8Array.of(5, 4, 3)

/**
 * The serial number of a card, in four octets: the first four of its id, with bit 31 cleared and bit 30 set. So it stays
 * the same for the life of the card, is not zero, is positive also as a signed number, and is above Yubico's own numbers.
 */
export function serialOf(cardId: Uint8Array): Uint8Array {
  const serial = cardId.slice(0, 4)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial
}

/** Key reference of the attestation key, and the object with its certificate. */
export const ATTESTATION_KEY = 0xf9
export const ATTESTATION_CERTIFICATE = '5fff01'

/** Extensions of an attestation: FIRMWARE in raw octets, the serial number as a DER INTEGER, PIN and touch policy. */
const ARC = '1.3.6.1.4.1.41482.3'
export const ATTESTED = { firmware: `${ARC}.3`, serial: `${ARC}.7`, policies: `${ARC}.8` } as const

/** PIN policy and touch policy, by their identifiers: never a touch. */
export const policiesOctets = (pinPolicy: number): Uint8Array => Uint8Array.of(pinPolicy, 0x01)

/** The target of MOVE KEY that deletes a key. */
export const NOWHERE = 0xff

/** What GET METADATA answers. */
const METADATA = {
  algorithm: { tag: 0x01, length: 1 },
  policies: { tag: 0x02, length: 2, optional: true },
  origin: { tag: 0x03, length: 1, optional: true },
  /** As inside 7F49. */
  publicKey: { tag: 0x04, optional: true },
  isDefault: { tag: 0x05, length: 1, optional: true },
  /** In total, and left. */
  tries: { tag: 0x06, length: 2, optional: true },
} as const

export type Metadata = FieldsOf<typeof METADATA>

/** Stands for the algorithm of PIN and PUK, which have none. */
export const NO_ALGORITHM = 0xff
export const ORIGIN_IDS = { generated: 0x01, imported: 0x02 } as const

/** The parts that can be parsed: other makers' cards report less, and newer ones more. */
export const readMetadata = (octets: Uint8Array): Partial<Metadata> => knownFields(octets, METADATA)

export const writeMetadata = (metadata: Metadata): Uint8Array => concat(...writeFields(metadata, METADATA))

/** In the order in which they are written. */
const PART_TAGS = [
  ['p', 0x01],
  ['q', 0x02],
  ['dP', 0x03],
  ['dQ', 0x04],
  ['qInv', 0x05],
  ['scalar', 0x06],
] as const

export interface ImportTemplate {
  /** Views. */
  readonly parts: PrivateKeyParts
  /** undefined: the slot's own. */
  readonly pinPolicy: PinPolicy | undefined
}

/** The data field of IMPORT KEY. @throws TlvError, also for parts of another length than the key's */
export function readImport(data: Uint8Array, algorithm: Algorithm): ImportTemplate {
  const { kind, octets } = ALGORITHMS[algorithm]
  if (kind === 'ec') {
    const { scalar, ...policies } = readFields(data, { scalar: { tag: 0x06, length: octets }, ...POLICIES })
    return { parts: { scalar }, pinPolicy: pinPolicyOf(policyIds(policies)) }
  }
  const part = (tag: number) => ({ tag, length: octets / 2 })
  const rsa = { p: part(0x01), q: part(0x02), dP: part(0x03), dQ: part(0x04), qInv: part(0x05) }
  const { p, q, dP, dQ, qInv, ...policies } = readFields(data, { ...rsa, ...POLICIES })
  return { parts: { p, q, dP, dQ, qInv }, pinPolicy: pinPolicyOf(policyIds(policies)) }
}

/** The same from the other side, to be wiped after use. */
export function writeImport({ parts, pinPolicy }: { readonly parts: PrivateKeyParts; readonly pinPolicy: PinPolicy }) {
  const secrets = PART_TAGS.flatMap(([name, tag]) => {
    const value = (parts as Readonly<Partial<Record<typeof name, Uint8Array>>>)[name]
    return value === undefined ? [] : [tlv(tag, value)]
  })
  const data = concat(...secrets, tlv(POLICIES.pinPolicy.tag, Uint8Array.of(PIN_POLICY_IDS[pinPolicy])))
  wipe(...secrets)
  return data
}

/**
 * The data field of SET MANAGEMENT KEY: algorithm, reference, length, key; the key is a view.
 * @throws TlvError, also for a DES key that is known to be weak
 */
export function readAdminKey(data: Uint8Array): { readonly algorithm: AdminAlgorithm; readonly key: Uint8Array } {
  const [id = 0, reference, length] = data
  const key = data.subarray(3)
  const algorithm = id === 0 ? undefined : adminAlgorithmById(id)
  if (algorithm === undefined) throw new TlvError('the admin key is of an algorithm that is not known here')
  if (reference !== ADMIN_KEY || length !== key.length || length !== ADMIN_ALGORITHMS[algorithm].key) {
    throw new TlvError('the admin key has another length than its algorithm wants')
  }
  if (algorithm === '3DES' && isWeakDesKey(key)) throw new TlvError('the admin key is a weak DES key')
  return { algorithm, key }
}

/** The same from the other side, to be wiped after use. */
export const writeAdminKey = (algorithm: AdminAlgorithm, key: Uint8Array): Uint8Array =>
  concat(Uint8Array.of(ADMIN_ALGORITHMS[algorithm].id, ADMIN_KEY, key.length), key)
