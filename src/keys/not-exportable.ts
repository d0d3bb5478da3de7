// Private keys whose private half is not there. Node 20 and 22 end the process where somebody wants such a key as JWK.
import type { KeyObject } from 'node:crypto'
import { CardError } from '../errors.ts'

/** The same object. */
export function notExportable(key: KeyObject): KeyObject {
  const refuse = () => {
    throw new CardError(
      'ERR_NOT_SUPPORTED',
      'The private key is on the card and never leaves it: export the public key.',
    )
  }
  return Object.defineProperty(key, 'export', { value: refuse })
}
