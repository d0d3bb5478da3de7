// The secrets that a card is created with: those that were given, and the public defaults for the others.
import { concat, fromHex, wipe } from '../bytes.ts'
import { ADMIN_ALGORITHMS } from '../piv/algorithms.ts'
import { FIRST_STATE, isFirst, type Model } from '../piv/first-state.ts'
import { DEFAULT_ADMIN_KEY, isDefaultAdminKey, pinBytes, pukBytes, type Secret } from '../piv/pin.ts'
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
  readonly model?: Model | undefined
}

/**
 * Runs `work` with the secrets of a new card, which are overwritten before its promise settles.
 * @throws PinError ERR_PIN_FORMAT, ERR_PUK_FORMAT
 */
export async function withFirstSecrets<Result>(
  options: FirstSecretsOptions,
  work: (secrets: FirstSecrets) => Promise<Result>,
): Promise<Result> {
  const { model = 'tessera' } = options
  const first = FIRST_STATE[model]
  const adminKey = options.adminKey === 'none' ? undefined : (options.adminKey ?? defaultAdminKey(model))
  const secrets: Uint8Array[] = adminKey === undefined ? [] : [adminKey]
  const wipedLater = (secret: Uint8Array): Uint8Array => {
    secrets.push(secret)
    return secret
  }
  try {
    const pin = wipedLater(pinBytes(options.pin ?? first.pin))
    const puk = options.noPuk ? undefined : wipedLater(pukBytes(options.puk ?? first.puk))
    const defaults: DefaultSecret[] = []
    if (isFirst(model, 'pin', pin)) defaults.push('pin')
    if (puk !== undefined && isFirst(model, 'puk', puk)) defaults.push('puk')
    if (adminKey !== undefined && isDefaultAdminKey(adminKey.subarray(1))) defaults.push('adminKey')
    return await work({ pin, puk, adminKey, defaults })
  } finally {
    wipe(...secrets)
  }
}

function defaultAdminKey(model: Model): Uint8Array {
  const { id } = ADMIN_ALGORITHMS[FIRST_STATE[model].adminAlgorithm]
  return concat(Uint8Array.of(id), fromHex(DEFAULT_ADMIN_KEY) ?? new Uint8Array(0))
}
