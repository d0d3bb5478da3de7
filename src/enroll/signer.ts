// A key on a card as one that signs certificates and requests.
import { CardError } from '../errors.ts'
import type { Hash } from '../piv/algorithms.ts'
import { parseHash } from '../piv/algorithms.ts'
import type { Card } from '../piv/host/card.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import type { UseOptions } from '../piv/host/session.ts'
import { providerOf, type SigningAlgorithm, type SigningProvider } from '../x509/provider.ts'

/** With the PIN as `Card.sign` takes it: there at once, or asked for when the key wants it. */
export type SigningOptions = UseOptions & {
  /** SHA-256 unless said otherwise. */
  readonly hash?: Hash | string
  /** Of RSA keys: `pkcs1` unless said otherwise. Not every program takes `pss` in certificates. */
  readonly padding?: 'pkcs1' | 'pss'
}

export interface SlotSigner extends SigningProvider {
  readonly key: KeyInfo
}

/** @throws CardError ERR_KEY_ABSENT; UsageError ERR_ALGORITHM, for SHA-1 too */
export async function slotSigner(card: Card, slot: string, options: SigningOptions): Promise<SlotSigner> {
  const hash = parseHash(options.hash ?? 'SHA-256')
  const key = await card.keyInfo(slot)
  const sign = (data: Uint8Array, { padding }: SigningAlgorithm) =>
    card.sign(slot, data, { ...options, hash, padding, format: 'raw' })
  const provider = await providerOf({ publicKey: key.publicKey, sign }, { hash, padding: options.padding ?? 'pkcs1' })
  return { key, ...provider }
}

/** A card that signs otherwise than its public key says would make what nobody takes. */
export const wrongKey = ({ slot }: KeyInfo): CardError =>
  new CardError(
    'ERR_DATA',
    `The card signs with another key than the public key of slot ${slot} says. Make the key again.`,
  )
