// A key on a card as a signer of certificates and requests.
import { verify } from 'node:crypto'
import { CardError } from '../errors.ts'
import type { Hash } from '../piv/algorithms.ts'
import { parseHash } from '../piv/algorithms.ts'
import type { Card } from '../piv/host/card.ts'
import type { UseOptions } from '../piv/host/card-access.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import { PSS } from '../x509/pss.ts'
import type { Signer } from '../x509/write.ts'

/** With the PIN as for `Card.sign`: given at once, or asked for when the key needs it. */
export type SigningOptions = UseOptions & {
  /** SHA-256 by default. */
  readonly hash?: Hash | string
  /** Of RSA keys: `pkcs1` by default. Not every program accepts `pss` in certificates. */
  readonly padding?: 'pkcs1' | 'pss'
}

export interface SlotSigner extends Signer {
  readonly key: KeyInfo
}

/**
 * Checks every signature: nobody would accept one that does not match the public key.
 * @throws CardError ERR_KEY_ABSENT; UsageError ERR_ALGORITHM, for SHA-1 too
 */
export async function slotSigner(card: Card, slot: string, options: SigningOptions): Promise<SlotSigner> {
  const hash = parseHash(options.hash ?? 'SHA-256')
  const padding = options.padding ?? 'pkcs1'
  const key = await card.keyInfo(slot)
  const { publicKey } = key
  const how = { key: publicKey, ...(publicKey.asymmetricKeyType === 'rsa' && padding === 'pss' && PSS) }
  return {
    key,
    publicKey,
    algorithm: { hash, padding },
    async sign(data) {
      const signature = await card.sign(slot, data, { ...options, hash, padding, format: 'der' })
      if (verify(hash.replace('-', ''), data, how, signature)) return signature
      throw new CardError(
        'ERR_DATA',
        `The signature does not match the public key of slot ${key.slot}. Generate a new key.`,
      )
    },
  }
}
