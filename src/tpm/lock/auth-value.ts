// The value that the TPM compares instead of a PIN or PUK.
import { createHmac } from 'node:crypto'
import { copyOf, utf8 } from '../../bytes.ts'
import type { Role } from '../policy/terms.ts'

/**
 * authValue = HMAC-SHA256(card id, role || secret): always 32 octets, so that nothing is stripped, shortened or hashed
 * on its way, and the same PIN on two cards gives different values. Wipe it after use.
 */
export function authValue(cardId: Uint8Array, role: Role, secret: Uint8Array): Uint8Array {
  if (secret.length === 0) throw new TypeError('An empty secret would let everybody in.')
  const mac = createHmac('sha256', cardId).update(utf8(role)).update(secret).digest()
  const value = copyOf(mac)
  mac.fill(0)
  return value
}
