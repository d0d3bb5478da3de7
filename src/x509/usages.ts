// The operations that a certificate allows its key: keyUsage, RFC 5280, 4.2.1.3.
import { DER } from '../iso7816/der.ts'
import { TlvError, tlv, unwrap } from '../iso7816/tlv.ts'

/** In the order of their bits; the first is the highest bit of its octet. */
export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

export type KeyUsage = (typeof KEY_USAGES)[number]

/** The usages in the value of keyUsage; unknown bits are skipped. @throws TlvError */
export function readUsages(value: Uint8Array): KeyUsage[] {
  const [unused = 8, first = 0, second = 0] = unwrap(value, DER.bitString)
  if (unused > 7) throw new TlvError('the key usage is malformed')
  return KEY_USAGES.filter((_, bit) => (((first << 8) | second) & (0x8000 >> bit)) !== 0)
}

/** Without zero bits at its end, as DER requires for named bits (X.690, 11.2.2). */
export function writeUsages(usages: readonly KeyUsage[]): Uint8Array {
  const bits = usages.reduce((sum, usage) => sum | (0x8000 >> KEY_USAGES.indexOf(usage)), 0)
  if (bits === 0) return tlv(DER.bitString, Uint8Array.of(0))
  const zeros = 31 - Math.clz32(bits & -bits)
  const octets = zeros >= 8 ? [bits >> 8] : [bits >> 8, bits & 0xff]
  return tlv(DER.bitString, Uint8Array.of(zeros % 8, ...octets))
}
