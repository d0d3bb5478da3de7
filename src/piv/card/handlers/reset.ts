// RESET: for a card that nobody can unblock any more. Yubico's (src/piv/yubico.ts).
import { refuseUnless, SW } from '../../../iso7816/status.ts'
import type { CardContext } from '../context.ts'
import type { TryCounter } from '../vault.ts'

/** A count from memory is not enough to destroy a card. It is all there is where a TPM has an owner, who can do it. */
const isBlocked = ({ left, advisory }: TryCounter): boolean => left === 0 && !advisory

/** Wants neither PIN nor admin key, but that PIN and PUK are blocked. A card without a PUK counts as one that is. */
export async function resetCard({ vault, security }: CardContext): Promise<void> {
  const puk = await vault.pins.pukCounter()
  refuseUnless(isBlocked(await vault.pins.pinCounter()) && (puk === undefined || isBlocked(puk)), SW.CONDITIONS_OF_USE)
  security.clear()
  await vault.reset()
}
