// Formats of PIN and PUK. SP 800-73-5 part 1, section 4.3 (PIN); our own card's PUK has 8 printable ASCII characters.
import { copyOf, secretBytes, space } from '../bytes.ts'
import { PinError, UsageError } from '../errors.ts'

/** A secret from the caller: octets, which can be wiped, or a string, which cannot. */
export type Secret = string | Uint8Array

/** PIN and PUK of a new card, unless the caller names others. Must be changed before the first private-key operation. */
export const DEFAULT_PIN = '12345678'
export const DEFAULT_PUK = '12345678'
/** PIV 9B key of a new card, unless the caller names another (AES-192 or 3DES). */
export const DEFAULT_ADMIN_KEY = '010203040506070801020304050607080102030405060708'
export const DEFAULT_TRIES = 5

export const isDefaultAdminKey = (key: Uint8Array): boolean => Buffer.from(DEFAULT_ADMIN_KEY, 'hex').equals(key)

/** Octets of a PIN or PUK in a command, and what fills a shorter PIN. SP 800-73-5 part 1, section 4.3. */
export const PIN_FIELD = 8
const FILL = 0xff

const between = (low: number, high: number) => (octet: number) => octet >= low && octet <= high

/**
 * A copy of the PIN to wipe after use.
 * @throws PinError ERR_PIN_FORMAT, before anything is sent: no try is spent
 */
export function pinBytes(pin: Secret): Uint8Array {
  const octets = secretBytes(pin)
  if (octets.length >= 6 && octets.length <= 8 && octets.every(between(0x30, 0x39))) return octets
  octets.fill(0)
  throw new PinError('ERR_PIN_FORMAT', 'A PIN has 6 to 8 digits. No try was spent: enter the PIN again.')
}

/** What other makers' cards accept: 4 to 8 octets of any kind except the padding octet. */
const isOfOtherCards = (octets: Uint8Array): boolean =>
  octets.length >= 4 && octets.length <= PIN_FIELD && !octets.includes(FILL)

/**
 * A copy of the PIN or PUK of any maker's card, to wipe after use.
 * @throws PinError ERR_PIN_FORMAT, ERR_PUK_FORMAT, before anything is sent: no try is spent
 */
export function anySecretBytes(secret: Secret, which: 'PIN' | 'PUK'): Uint8Array {
  const octets = secretBytes(secret)
  if (isOfOtherCards(octets)) return octets
  octets.fill(0)
  const message = `A ${which} has 4 to 8 characters. No try was spent: enter the ${which} again.`
  throw new PinError(which === 'PIN' ? 'ERR_PIN_FORMAT' : 'ERR_PUK_FORMAT', message)
}

/** Whether these are 8 printable ASCII characters: no card accepts another PUK. */
export const isPuk = (octets: Uint8Array): boolean => octets.length === 8 && octets.every(between(0x20, 0x7e))

/**
 * A copy of the PUK to wipe after use.
 * @throws PinError ERR_PUK_FORMAT, before anything is sent: no try is spent
 */
export function pukBytes(puk: Secret): Uint8Array {
  const octets = secretBytes(puk)
  if (isPuk(octets)) return octets
  octets.fill(0)
  throw new PinError('ERR_PUK_FORMAT', 'A PUK has 8 printable ASCII characters. No try was spent: enter the PUK again.')
}

/** @throws UsageError ERR_USAGE */
export function checkTries(tries: number, what: 'PIN' | 'PUK'): number {
  if (Number.isInteger(tries) && tries >= 1 && tries <= 10) return tries
  throw new UsageError('ERR_USAGE', `The number of ${what} tries is from 1 to 10.`)
}

/** P2 of the PIN commands. SP 800-73-5 part 1, table 4a. */
export const PIN_REFERENCES = { globalPin: 0x00, pin: 0x80, puk: 0x81, fingerprint: 0x96, pairingCode: 0x98 } as const

/**
 * A PIN or PUK as a command carries it, to wipe after use.
 * @throws RangeError for more than 8 octets: check the format first
 */
export function padPin(secret: Uint8Array): Uint8Array {
  if (secret.length > PIN_FIELD) throw new RangeError('A PIN field has 8 octets.')
  const block = space(PIN_FIELD).fill(FILL)
  block.set(secret)
  return block
}

/**
 * A copy of the PIN in a PIN field without its padding, to wipe after use; undefined when the padding is wrong: not 8
 * octets, nothing before the padding, padding in the middle. Whether it is a valid PIN is checked by `pinBytes`.
 */
export function unpadPin(block: Uint8Array): Uint8Array | undefined {
  const length = block.findLastIndex((octet) => octet !== FILL) + 1
  if (block.length !== PIN_FIELD || length === 0 || block.subarray(0, length).includes(FILL)) return undefined
  return copyOf(block.subarray(0, length))
}
