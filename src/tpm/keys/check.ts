// Whether a key is what its card file says. The file may have been tampered with. The public area can be relied on, since
// the TPM loads no private area with another one.
import { equal } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import type { Algorithm } from '../../piv/algorithms.ts'
import { decodePublic, type ObjectPublic } from '../codec/public.ts'
import { policyFacts } from '../lock/context.ts'
import type { LockTable } from '../lock/table.ts'
import type { CardFile, CardFileKey } from '../store/card-file.ts'
import { keyAttributes, keyPolicy } from './create.ts'

const DEFAULT_EXPONENT = 65_537

const isOf = (algorithm: Algorithm, key: ObjectPublic): boolean =>
  key.type === 'ecc'
    ? key.curve.algorithm === algorithm
    : `RSA-${key.bits}` === algorithm && key.exponent === DEFAULT_EXPONENT

/** Keys that passed the check. A changed card has new objects for the keys that changed. */
const checked = new WeakSet<CardFileKey>()

/**
 * Refuses a key whose algorithm, attributes or policy are not what its PIN policy and origin require: above all a key
 * that works without the PIN, or with the PIN of another card, while the file says that this card's PIN protects it.
 * @throws CardError ERR_KEY_DAMAGED; TpmError ERR_TPM_ANSWER where the area is malformed
 */
export function assertAsFiled(card: CardFile, where: string, key: CardFileKey, table: LockTable): void {
  if (checked.has(key)) return
  const area = decodePublic(key.public.subarray(2))
  const policy = keyPolicy({ table, facts: policyFacts(card) }, key.pinPolicy)
  const asFiled = isOf(key.algorithm, area) && area.attributes === keyAttributes(key) && equal(area.authPolicy, policy)
  if (!asFiled) throw notAsFiled(where)
  checked.add(key)
}

function notAsFiled(where: string): CardError {
  return new CardError(
    'ERR_KEY_DAMAGED',
    `The key in slot ${where} is not what the card file says of it: its algorithm, its PIN policy or its origin is another one, or it belongs to another card. Somebody changed the file. Put back a copy of it, and do not use what this key has signed.`,
  )
}
