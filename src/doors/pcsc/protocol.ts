// The transmission protocol of a card. ISO/IEC 7816-3:2006, 8.2.3: the TD octets of its ATR name what it speaks; the
// first of them comes first, and a card without them speaks T=0.
import { PROTOCOL } from './codes.ts'

/** Protocols in the order of the ATR, as PC/SC numbers them. */
function protocolsOf(atr: Uint8Array): number[] {
  const found: number[] = []
  let at = 1
  let indicator = (atr[at] ?? 0) >> 4
  at += 1
  while ((indicator & 8) !== 0 && at < atr.length) {
    at += [1, 2, 4].filter((bit) => (indicator & bit) !== 0).length
    const octet = atr[at] ?? 0
    const protocol = octet & 0x0f
    if (protocol === 0) found.push(PROTOCOL.t0)
    if (protocol === 1) found.push(PROTOCOL.t1)
    indicator = octet >> 4
    at += 1
  }
  return found.length === 0 ? [PROTOCOL.t0] : found
}

/** The protocol of a card among those that are wanted; `undefined` (0) where it speaks none of them. */
export const negotiate = (atr: Uint8Array, wanted: number): number =>
  protocolsOf(atr).find((protocol) => (protocol & wanted) !== 0) ?? PROTOCOL.undefined
