// Attributes of objects: their numbers (PKCS #11 v3.1, appendix A), and how p11-kit writes the value of each.

export const CKA = {
  class: 0x00,
  token: 0x01,
  private: 0x02,
  label: 0x03,
  application: 0x10,
  value: 0x11,
  objectId: 0x12,
  certificateType: 0x80,
  issuer: 0x81,
  serialNumber: 0x82,
  trusted: 0x86,
  certificateCategory: 0x87,
  checkValue: 0x90,
  keyType: 0x100,
  subject: 0x101,
  id: 0x102,
  sensitive: 0x103,
  encrypt: 0x104,
  decrypt: 0x105,
  wrap: 0x106,
  unwrap: 0x107,
  sign: 0x108,
  signRecover: 0x109,
  verify: 0x10a,
  verifyRecover: 0x10b,
  derive: 0x10c,
  startDate: 0x110,
  endDate: 0x111,
  modulus: 0x120,
  modulusBits: 0x121,
  publicExponent: 0x122,
  privateExponent: 0x123,
  prime1: 0x124,
  prime2: 0x125,
  exponent1: 0x126,
  exponent2: 0x127,
  coefficient: 0x128,
  publicKeyInfo: 0x129,
  valueLength: 0x161,
  extractable: 0x162,
  local: 0x163,
  neverExtractable: 0x164,
  alwaysSensitive: 0x165,
  keyGenMechanism: 0x166,
  modifiable: 0x170,
  copyable: 0x171,
  ecParams: 0x180,
  ecPoint: 0x181,
  alwaysAuthenticate: 0x202,
  wrapWithTrusted: 0x210,
} as const

/** What a private key has and never shows. */
export const SECRET: readonly number[] = [
  CKA.value,
  CKA.privateExponent,
  CKA.prime1,
  CKA.prime2,
  CKA.exponent1,
  CKA.exponent2,
  CKA.coefficient,
]

/** A CK_BBOOL, a CK_ULONG, or octets. */
export type AttributeValue = boolean | number | Uint8Array
export type Attributes = ReadonlyMap<number, AttributeValue>

/** What a program says of an object: a value is missing where it sent none. */
export interface Attribute {
  readonly type: number
  readonly value: AttributeValue | undefined
}

/** What a program wants to know, and for how many octets it has room: 0 where it asks for the length. */
export interface WantedAttribute {
  readonly type: number
  readonly room: number
}

export type ValueKind = 'boolean' | 'number' | 'octets' | 'attributes' | 'numbers'

// Both sides of p11-kit's protocol must know how each value is written: nothing on the wire says so.
const BOOLEANS = [
  ...[0x01, 0x02, 0x86, 0x103, 0x104, 0x105, 0x106, 0x107, 0x108, 0x109, 0x10a, 0x10b, 0x10c],
  ...[0x162, 0x163, 0x164, 0x165, 0x170, 0x171, 0x200, 0x202, 0x210, 0x301, 0x302, 0x405],
]
const NUMBERS = [
  ...[0x00, 0x80, 0x87, 0x88, 0x100, 0x121, 0x133, 0x134, 0x160, 0x161, 0x166, 0x201],
  ...[0x300, 0x400, 0x401, 0x402, 0x403, 0x404, 0x406, 0x500],
]
const TEMPLATES = [0x4000_0211, 0x4000_0212, 0x4000_0213]
const MECHANISM_LISTS = [0x4000_0600]

const KINDS: ReadonlyMap<number, ValueKind> = new Map(
  (
    [
      ['boolean', BOOLEANS],
      ['number', NUMBERS],
      ['attributes', TEMPLATES],
      ['numbers', MECHANISM_LISTS],
    ] as const
  ).flatMap(([kind, types]) => types.map((type) => [type, kind] as const)),
)

export const kindOf = (type: number): ValueKind => KINDS.get(type) ?? 'octets'

/** Octets of a value in the program's memory, where a CK_ULONG has eight. */
export const lengthOf = (value: AttributeValue): number =>
  typeof value === 'boolean' ? 1 : typeof value === 'number' ? 8 : value.length
