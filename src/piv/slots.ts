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

/** A key reference in two lower-case hex digits: 9a 9c 9d 9e 82-95. */
export type Slot = string & { readonly slot: unique symbol }

const byName = new Map([...SLOTS].map(([reference, name]) => [name, reference]))

/**
 * The slot that `text` means: hex (`9a`) or name (`authentication`), in any case.
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

/** PIN policy of a key whose maker named none. SP 800-73-5 part 1, table 4b (security condition for use). */
export function defaultPinPolicy(slot: Slot): PinPolicy {
  return slot === '9c' ? 'always' : slot === '9e' ? 'never' : 'once'
}

export const PIN_POLICIES = ['never', 'once', 'always'] as const
export type PinPolicy = (typeof PIN_POLICIES)[number]
