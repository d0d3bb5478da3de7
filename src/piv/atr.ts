// What an answer to reset says about a card's abilities. ISO/IEC 7816-3:2006, 8.2; ISO/IEC 7816-4:2020, 12.1.1.
// ATRs: the reference's neutral PIV card, T=1, with chaining and extended length, and the PIV AID.

/** A PIV card of no particular make. */
export const NEUTRAL_ATR = Uint8Array.from(Buffer.from('3bdf13008131fe158073c021c0f9a00000030800001000' + '07', 'hex'))

/** The historical bytes; empty where the ATR is malformed. */
export function historicalBytes(atr: Uint8Array): Uint8Array {
  let at = 1
  const format = atr[at] ?? 0
  let indicator = format >> 4
  at += 1
  for (let round = 0; round < 8; round += 1) {
    const interfaceBytes = [1, 2, 4, 8].filter((bit) => (indicator & bit) !== 0).length
    if ((indicator & 8) === 0) return atr.slice(at + interfaceBytes, at + interfaceBytes + (format & 0x0f))
    indicator = (atr[at + interfaceBytes - 1] ?? 0) >> 4
    at += interfaceBytes
  }
  return new Uint8Array(0)
}

/** Asked before each command; ATRs never change. */
const known = new WeakMap<Uint8Array, boolean>()

/** Whether the card supports extended Lc and Le: third octet of the card capabilities (compact TLV 7x), bit 40. */
export function takesExtendedLength(atr: Uint8Array): boolean {
  const told = known.get(atr)
  if (told !== undefined) return told
  const takes = readsExtendedLength(atr)
  known.set(atr, takes)
  return takes
}

function readsExtendedLength(atr: Uint8Array): boolean {
  const bytes = historicalBytes(atr)
  if (bytes[0] !== 0x80) return false
  for (let at = 1; at < bytes.length; ) {
    const header = bytes[at] ?? 0
    const length = header & 0x0f
    if (header >> 4 === 7 && length >= 3) return ((bytes[at + 3] ?? 0) & 0x40) !== 0
    at += 1 + length
  }
  return false
}
