// Key references of a PIV card. SP 800-73-5 part 1, table 4b; retired keys 82-95: section 3.3.
import { UsageError } from '../errors.ts'

const named = {
  '9a': 'authentication',
  '9c': 'signature',
  '9d': 'key-management',
  '9e': 'card-authentication',
} as const

const retired = Array.from({ length: 20 }, (_, index) => [(0x82 + index).toString(16), `retired-${index + 1}`] as const)

/** Slot by its key reference in hex, to its name. */
export const SLOTS: ReadonlyMap<string, string> = new Map([...Object.entries(named), ...retired])

/** Slots of keys that were in another slot before: SP 800-73-5 part 1, 3.3. */
export const isRetired = (slot: string): boolean => SLOTS.get(slot)?.startsWith('retired-') === true

/** A key reference in two lower-case hex digits: 9a 9c 9d 9e 82-95. */
export type Slot = string & { readonly slot: unique symbol }

const byName = new Map([...SLOTS].map(([reference, name]) => [name, reference]))

/**
 * The slot that `text` names: hex (`9a`) or name (`authentication`), in any case.
 * @throws UsageError ERR_SLOT
 */
export function parseSlot(text: string): Slot {
  const lower = text.toLowerCase()
  const reference = SLOTS.has(lower) ? lower : byName.get(lower)
  if (reference === undefined) {
    throw new UsageError(
      'ERR_SLOT',
      `There is no slot '${text.slice(0, 40)}'. Use 9a (authentication), 9c (signature), 9d (key-management), 9e (card-authentication) or 82 to 95 (retired-1 to retired-20).`,
    )
  }
  return reference as Slot
}

/** PIN policy of a key that was made without one. SP 800-73-5 part 1, table 4b (security condition for use). */
export function defaultPinPolicy(slot: Slot): PinPolicy {
  return slot === '9c' ? 'always' : slot === '9e' ? 'never' : 'once'
}

export const PIN_POLICIES = ['never', 'once', 'always'] as const
export type PinPolicy = (typeof PIN_POLICIES)[number]

/** The number of each policy in a key template (tag AA); 00 is the slot's default. From Yubico's extensions: NIST has none. */
export const PIN_POLICY_IDS = { never: 0x01, once: 0x02, always: 0x03 } as const satisfies Record<PinPolicy, number>

/** Key reference of the admin key (card application administration key). SP 800-73-5 part 1, table 4b. */
export const ADMIN_KEY = 0x9b

/** The key reference of a slot, as in P2. */
export const keyReference = (slot: Slot): number => Number.parseInt(slot, 16)

/** The slot of a key reference; undefined where it is no slot, such as 9B. */
export function slotOfReference(reference: number): Slot | undefined {
  const slot = reference.toString(16).padStart(2, '0')
  return SLOTS.has(slot) ? (slot as Slot) : undefined
}
