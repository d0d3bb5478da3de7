// A key on a card as one that signs certificates and requests.
import { CardError } from '../errors.ts'
import type { Hash } from '../piv/algorithms.ts'
import { parseHash } from '../piv/algorithms.ts'
import type { Card } from '../piv/host/card.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import type { Secret } from '../piv/pin.ts'
import { providerOf, type SigningProvider } from '../x509/provider.ts'

export interface SigningOptions {
  /** SHA-256 unless said otherwise. */
  readonly hash?: Hash | string
  /** Of RSA keys: `pkcs1` unless said otherwise. Not every program takes `pss` in certificates. */
  readonly padding?: 'pkcs1' | 'pss'
  /**
   * Verified in one transaction with the signature, as a key of policy `always` wants it. Without it the PIN has been
   * verified already, or is not needed.
   */
  readonly pin?: Secret
}

export interface SlotSigner extends SigningProvider {
  readonly key: KeyInfo
}

/** @throws CardError ERR_KEY_ABSENT; UsageError ERR_ALGORITHM, for SHA-1 too */
export async function slotSigner(card: Card, slot: string, options: SigningOptions): Promise<SlotSigner> {
  const hash = parseHash(options.hash ?? 'SHA-256')
  const key = await card.keyInfo(slot)
  const pin = options.pin === undefined ? {} : { pin: options.pin }
  const sign = (data: Uint8Array, { padding }: { readonly padding: 'pkcs1' | 'pss' }) =>
    card.sign(slot, data, { hash, padding, format: 'raw', ...pin })
  const provider = await providerOf({ publicKey: key.publicKey, sign }, { hash, padding: options.padding ?? 'pkcs1' })
  return { key, ...provider }
}

/** A card that signs otherwise than its public key says would make what nobody takes. */
export const wrongKey = ({ slot }: KeyInfo): CardError =>
  new CardError(
    'ERR_DATA',
    `The card signs with another key than the public key of slot ${slot} says. Make the key again.`,
  )
