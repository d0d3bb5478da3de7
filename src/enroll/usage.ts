// Permitted uses of the keys in each slot: SP 800-73-5 part 1, 3.1.2, 3.2.1, 3.2.2, 3.1.3 and 3.3.1.
import { CARD_ALGORITHMS, type CardAlgorithm } from '../piv/algorithms.ts'
import type { Slot } from '../piv/slots.ts'
import type { KeyUsage } from '../x509/usages.ts'

const SIGNING_SLOTS: Readonly<Record<string, readonly KeyUsage[]>> = {
  '9a': ['digitalSignature'],
  '9c': ['digitalSignature', 'nonRepudiation'],
  '9e': ['digitalSignature'],
}

/** Usages that programs look for in the certificate of a slot: one of these. Retired slots keep their earlier use. */
export const NEEDED_USAGES: Readonly<Record<string, readonly KeyUsage[]>> = {
  ...SIGNING_SLOTS,
  '9d': ['keyEncipherment', 'keyAgreement', 'dataEncipherment'],
}

/** The right usages for a slot: signing, or in 9d and the retired slots the way this kind of key decrypts. */
export function usagesOf(slot: Slot, algorithm: CardAlgorithm): readonly KeyUsage[] {
  return SIGNING_SLOTS[slot] ?? [CARD_ALGORITHMS[algorithm].kind === 'rsa' ? 'keyEncipherment' : 'keyAgreement']
}
