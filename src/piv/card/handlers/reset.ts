// RESET: for a card that can no longer be unblocked. Yubico's instruction (src/piv/yubico.ts).
import { refuseUnless, SW } from '../../../iso7816/status.ts'
import type { CardContext } from '../context.ts'
import type { TryCounter } from '../vault.ts'

/** A remembered count is not enough to destroy a card. Where the TPM has an owner password, only the owner can do it. */
const isBlocked = ({ left, advisory }: TryCounter): boolean => left === 0 && !advisory

/** Needs neither PIN nor admin key, but PIN and PUK must be blocked. A card without a PUK counts as one with it blocked. */
export async function resetCard({ vault, security }: CardContext): Promise<void> {
  const puk = await vault.pins.pukCounter()
  refuseUnless(isBlocked(await vault.pins.pinCounter()) && (puk === undefined || isBlocked(puk)), SW.CONDITIONS_OF_USE)
  security.clear()
  await vault.reset()
}
