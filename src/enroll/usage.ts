// What a certificate says that its key may do. RFC 5280, 4.2.1.3; which slot is for what: SP 800-73-5 part 1, 3.1.2,
// 3.2.1, 3.2.2, 3.1.3 and 3.3.1.
import { TlvError, unwrap } from '../iso7816/tlv.ts'
import { ALGORITHMS, type Algorithm } from '../piv/algorithms.ts'
import type { Slot } from '../piv/slots.ts'

/** Bits of keyUsage as @peculiar/x509 numbers them. */
export const KEY_USAGES = {
  digitalSignature: 1,
  nonRepudiation: 2,
  keyEncipherment: 4,
  dataEncipherment: 8,
  keyAgreement: 16,
  keyCertSign: 32,
  cRLSign: 64,
  encipherOnly: 128,
  decipherOnly: 256,
} as const

export type KeyUsage = keyof typeof KEY_USAGES

const SIGNING_SLOTS: Readonly<Record<string, readonly KeyUsage[]>> = {
  '9a': ['digitalSignature'],
  '9c': ['digitalSignature', 'nonRepudiation'],
  '9e': ['digitalSignature'],
}

/** The usages that are right for a slot: signing, or in 9d and the retired slots what the kind of key decrypts by. */
export function usagesOf(slot: Slot, algorithm: Algorithm): readonly KeyUsage[] {
  return SIGNING_SLOTS[slot] ?? [ALGORITHMS[algorithm].kind === 'rsa' ? 'keyEncipherment' : 'keyAgreement']
}

/** As a number for @peculiar/x509. */
export const usageBits = (usages: readonly KeyUsage[]): number =>
  usages.reduce((bits, usage) => bits | KEY_USAGES[usage], 0)

const BIT_STRING = 0x03

/** The usages in the value of keyUsage; bits that nobody knows are passed over. @throws TlvError */
export function readUsages(value: Uint8Array): KeyUsage[] {
  const [unused = 8, first = 0, second = 0] = unwrap(value, BIT_STRING)
  if (unused > 7) throw new TlvError('the key usage is none')
  // The first bit is the highest of its octet.
  const bits = Array.from({ length: 9 }, (_, bit) => ((first << 8) | second) & (0x8000 >> bit))
  return (Object.keys(KEY_USAGES) as KeyUsage[]).filter((_, bit) => bits[bit] !== 0)
}
