// The secrets that a card is created with: those that were given, and the public defaults for the others.
import { concat, fromHex, wipe } from '../bytes.ts'
import { ADMIN_ALGORITHMS } from '../piv/algorithms.ts'
import {
  DEFAULT_ADMIN_KEY,
  DEFAULT_PIN,
  DEFAULT_PUK,
  isDefaultAdminKey,
  pinBytes,
  pukBytes,
  type Secret,
} from '../piv/pin.ts'
import type { DefaultSecret } from './store/card-file.ts'

export interface FirstSecrets {
  readonly pin: Uint8Array
  readonly puk: Uint8Array | undefined
  /** Algorithm identifier (SP 800-78-5, table 9), then the key. */
  readonly adminKey: Uint8Array | undefined
  readonly defaults: readonly DefaultSecret[]
}

/** A secret that is not given is the default. `adminKey` as in FirstSecrets, and overwritten with the others. */
export interface FirstSecretsOptions {
  readonly pin?: Secret | undefined
  readonly puk?: Secret | undefined
  readonly noPuk?: boolean | undefined
  readonly adminKey?: Uint8Array | 'none' | undefined
}

/**
 * Runs `work` with the secrets of a new card, which are overwritten before its promise settles.
 * @throws PinError ERR_PIN_FORMAT, ERR_PUK_FORMAT
 */
export async function withFirstSecrets<Result>(
  options: FirstSecretsOptions,
  work: (secrets: FirstSecrets) => Promise<Result>,
): Promise<Result> {
  const adminKey = options.adminKey === 'none' ? undefined : (options.adminKey ?? defaultAdminKey())
  const secrets: Uint8Array[] = adminKey === undefined ? [] : [adminKey]
  const wipedLater = (secret: Uint8Array): Uint8Array => {
    secrets.push(secret)
    return secret
  }
  try {
    const pin = wipedLater(pinBytes(options.pin ?? DEFAULT_PIN))
    const puk = options.noPuk ? undefined : wipedLater(pukBytes(options.puk ?? DEFAULT_PUK))
    const defaults: DefaultSecret[] = []
    if (isText(pin, DEFAULT_PIN)) defaults.push('pin')
    if (puk !== undefined && isText(puk, DEFAULT_PUK)) defaults.push('puk')
    if (adminKey !== undefined && isDefaultAdminKey(adminKey.subarray(1))) defaults.push('adminKey')
    return await work({ pin, puk, adminKey, defaults })
  } finally {
    wipe(...secrets)
  }
}

const defaultAdminKey = (): Uint8Array =>
  concat(Uint8Array.of(ADMIN_ALGORITHMS['AES-192'].id), fromHex(DEFAULT_ADMIN_KEY) ?? new Uint8Array(0))

const isText = (octets: Uint8Array, text: string) => Buffer.from(text).equals(octets)
