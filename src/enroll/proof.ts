// The proof that a key which was enrolled is on the card: it signs, and its signature is checked.
import { type KeyObject, verify } from 'node:crypto'
import { CardError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { EnrollOptions } from './enroll-options.ts'
import { publicKeyIn } from './install.ts'

export interface Proving {
  readonly card: Card
  readonly key: KeyObject
  readonly options: Pick<EnrollOptions, 'pin' | 'minTriesLeft' | 'signal'>
}

/**
 * Whether the key signed. If the card does not report the key, that can be tested only once its certificate is there.
 * @param places slots that may have the key @param begin called before it signs
 */
export async function prove(proving: Proving, places: readonly string[], begin: () => void): Promise<boolean> {
  for (const place of places) {
    const found = await publicKeyIn(proving.card, place)
    if (!found?.equals(proving.key)) continue
    begin()
    await proveIn(place, proving)
    return true
  }
  return false
}

/** @throws CardError ERR_DATA, and as `Card.sign` */
export async function proveIn(slot: string, { card, key, options }: Proving): Promise<void> {
  const message = Buffer.from(`Tessera test signature ${new Date().toISOString()}`)
  const { pin, minTriesLeft, signal } = options
  const use = {
    ...(pin !== undefined && { pin }),
    ...(minTriesLeft !== undefined && { minTriesLeft }),
    ...(signal && { signal }),
  }
  const signature = await card.sign(slot, message, { hash: 'SHA-256', ...use })
  if (verify('sha256', message, key, signature)) return
  throw new CardError(
    'ERR_DATA',
    `The signature of the key in slot ${slot} does not match its certificate. The old certificate stays.`,
  )
}
