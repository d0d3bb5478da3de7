// DES keys that must not be used: the four weak and the twelve semi-weak ones. NIST SP 800-67, rev. 2, 3.3.2.
import { fromHex } from '../bytes.ts'

/** Without parity bits. A weak key undoes itself, and each semi-weak one undoes its pair beside it. */
const WEAK: readonly Uint8Array[] = [
  ...['0000000000000000', 'fefefefefefefefe', 'e0e0e0e0f0f0f0f0', '1e1e1e1e0e0e0e0e'],
  ...['00fe00fe00fe00fe', 'fe00fe00fe00fe00', '1ee01ee00ef00ef0', 'e01ee01ef00ef00e'],
  ...['00e000e000f000f0', 'e000e000f000f000', '1efe1efe0efe0efe', 'fe1efe1efe0efe0e'],
  ...['001e001e000e000e', '1e001e000e000e00', 'e0fee0fef0fef0fe', 'fee0fee0fef0fef0'],
].map((digits) => fromHex(digits) ?? new Uint8Array(0))

/** Whether one of the DES keys in a 3DES key is weak; parity bits are ignored. */
export function isWeakDesKey(key: Uint8Array): boolean {
  return [0, 8, 16].some((at) =>
    WEAK.some((weak) => weak.every((octet, index) => ((key[at + index] ?? 0) & 0xfe) === octet)),
  )
}
