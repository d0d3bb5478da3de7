// What a card is like before anybody has used it. Programs made for YubiKeys expect of a card that reports version 5.4.3
// what a YubiKey of that version has after RESET (docs.yubico.com, "PIV", default values).
import { equal, utf8 } from '../bytes.ts'
import type { AdminAlgorithm } from './algorithms.ts'
import { DEFAULT_PIN, DEFAULT_PUK, DEFAULT_TRIES } from './pin.ts'

/** Whose first state a card has: that of Tessera, or that of a YubiKey. */
export const MODELS = ['tessera', 'yubikey'] as const
export type Model = (typeof MODELS)[number]
export const modelOf = ({ model = 'tessera' }: { readonly model?: Model | undefined }): Model => model

interface FirstState {
  readonly pin: string
  readonly puk: string
  /** Of PIN and PUK each. */
  readonly tries: number
  readonly adminAlgorithm: AdminAlgorithm
  /** Printed information is there from the beginning. */
  readonly printed: boolean
  /** The attestation certificate is there from the beginning. */
  readonly attests: boolean
  /** Programs may use keys with the first PIN, and set the first PUK again. Commands of Tessera never do. */
  readonly trustsDefaults: boolean
}

export const FIRST_STATE: Readonly<Record<Model, FirstState>> = {
  tessera: {
    ...{ pin: DEFAULT_PIN, puk: DEFAULT_PUK, tries: DEFAULT_TRIES, adminAlgorithm: 'AES-192' },
    ...{ printed: true, attests: false, trustsDefaults: false },
  },
  yubikey: {
    ...{ pin: '123456', puk: DEFAULT_PUK, tries: 3, adminAlgorithm: '3DES' },
    ...{ printed: false, attests: true, trustsDefaults: true },
  },
}

/** Whether a PIN or PUK is the first one of such a card. */
export const isFirst = (model: Model, which: 'pin' | 'puk', secret: Uint8Array): boolean =>
  equal(secret, utf8(FIRST_STATE[model][which]))
