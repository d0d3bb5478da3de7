// A private key as JWK.
import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto'

/**
 * Node.js 20 may wait for itself for ever where a key that generateKeyPairSync has just made is exported as JWK: the
 * export holds the key's mutex while it allocates, and a garbage collection then destroys the job that made the key, which
 * wants the same mutex. A copy of the key has a mutex of its own.
 */
export function privateJwk(key: KeyObject): JsonWebKey {
  const copy = key.export({ format: 'der', type: 'pkcs8' })
  return createPrivateKey({ key: copy, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' })
}
