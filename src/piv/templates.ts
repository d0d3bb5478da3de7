// Templates of GENERAL AUTHENTICATE and GENERATE ASYMMETRIC KEY PAIR. SP 800-73-5 part 2, sections 3.2.4 and 3.3.1.
import { type FieldsOf, knownFields, readFields, wrapFields } from '../iso7816/fields.ts'
import { TlvError, TlvReader, unwrap } from '../iso7816/tlv.ts'
import { PIN_POLICY_IDS, type PinPolicy } from './slots.ts'

const DYNAMIC_AUTHENTICATION = 0x7c
const KEY_TEMPLATE = 0xac

/**
 * Part 2, table 7. An empty field asks the other side for its value. Fields are written in this order, which existing
 * hosts and cards expect: `82 00 81 L …`, `82 00 85 L …`, `80 L … 81 L …`.
 */
const AUTHENTICATION = {
  witness: { tag: 0x80, optional: true },
  response: { tag: 0x82, optional: true },
  challenge: { tag: 0x81, optional: true },
  exponentiation: { tag: 0x85, optional: true },
} as const

export type Authentication = FieldsOf<typeof AUTHENTICATION>

/** The value of an empty field. */
export const ASKED = new Uint8Array(0)

/** Reads a template from a host, `7C L {…}`; the fields are views. @throws TlvError */
export const readAuthentication = (octets: Uint8Array): Authentication =>
  readFields(unwrap(octets, DYNAMIC_AUTHENTICATION, 'BER'), AUTHENTICATION)

/** The parts of a card's answer that can be parsed; the fields are views. @throws TlvError unless it begins with 7C */
export function readAuthenticationAnswer(octets: Uint8Array): Authentication {
  const answer = new TlvReader(octets, 'BER')
  if (!answer.nextReadable() || answer.tag !== DYNAMIC_AUTHENTICATION) {
    throw new TlvError('the answer is not an authentication template')
  }
  return knownFields(answer.value, AUTHENTICATION)
}

export const writeAuthentication = (fields: Authentication): Uint8Array =>
  wrapFields(DYNAMIC_AUTHENTICATION, fields, AUTHENTICATION)

/** Yubico's: when a key needs the PIN, and a touch. */
export const POLICIES = {
  pinPolicy: { tag: 0xaa, length: 1, optional: true },
  touchPolicy: { tag: 0xab, length: 1, optional: true },
} as const

/** Part 2, table 10. */
const KEY = {
  algorithm: { tag: 0x80, length: 1 },
  exponent: { tag: 0x81, length: [1, 8], optional: true },
  ...POLICIES,
} as const

export interface PolicyIds {
  /** 00 for the slot's own, else one of PIN_POLICY_IDS. */
  readonly pinPolicy?: number
  readonly touchPolicy?: number
}

/** What GENERATE is to make. The numbers are as received: whether they are valid is not checked here. */
export interface KeyTemplate extends PolicyIds {
  /** Algorithm identifier, SP 800-78-5 table 9. */
  readonly algorithm: number
  /** RSA public exponent. */
  readonly exponent?: Uint8Array
}

const octet = (value: Uint8Array | undefined): number => value?.[0] ?? 0

/** Reads `AC L {…}`. @throws TlvError */
export function readKeyTemplate(octets: Uint8Array): KeyTemplate {
  const { algorithm, exponent, ...policies } = readFields(unwrap(octets, KEY_TEMPLATE, 'BER'), KEY)
  return { algorithm: octet(algorithm), ...(exponent && { exponent }), ...policyIds(policies) }
}

export function writeKeyTemplate({ algorithm, exponent, pinPolicy, touchPolicy }: KeyTemplate): Uint8Array {
  const fields: FieldsOf<typeof KEY> = {
    algorithm: Uint8Array.of(algorithm),
    ...(exponent && { exponent }),
    ...(pinPolicy !== undefined && { pinPolicy: Uint8Array.of(pinPolicy) }),
    ...(touchPolicy !== undefined && { touchPolicy: Uint8Array.of(touchPolicy) }),
  }
  return wrapFields(KEY_TEMPLATE, fields, KEY)
}

/** The PIN policy with that identifier; undefined for 00 (the slot's own) and for unknown ones. */
export function pinPolicyById(id: number): PinPolicy | undefined {
  return (Object.keys(PIN_POLICY_IDS) as PinPolicy[]).find((policy) => PIN_POLICY_IDS[policy] === id)
}

/** The numbers in the fields of the two policies. */
export const policyIds = ({ pinPolicy, touchPolicy }: FieldsOf<typeof POLICIES>): PolicyIds => ({
  ...(pinPolicy && { pinPolicy: octet(pinPolicy) }),
  ...(touchPolicy && { touchPolicy: octet(touchPolicy) }),
})

/** A card without a button has these two touch policies: `default` and `never`. */
const NO_TOUCH: readonly number[] = [0x00, 0x01]

/**
 * The PIN policy; undefined for the slot's own.
 * @throws TlvError for an unknown policy, and for touch, which a card without a button cannot offer
 */
export function pinPolicyOf({ pinPolicy = 0x00, touchPolicy = 0x00 }: PolicyIds): PinPolicy | undefined {
  const policy = pinPolicyById(pinPolicy)
  if (policy === undefined && pinPolicy !== 0x00) throw new TlvError('the PIN policy is not known here')
  if (!NO_TOUCH.includes(touchPolicy)) throw new TlvError('there is nothing to touch')
  return policy
}
