// One odd item neither ends a listing nor blocks other items: one that the card refuses, or that cannot be parsed.
import { type AnyCardError, CardError } from '../../errors.ts'

/** Errors about one item. Not among them: that the card is gone, was reset, or is another one. */
const OF_ONE_ITEM: readonly string[] = [
  'ERR_CARD_REFUSED',
  'ERR_PIN_REQUIRED',
  'ERR_DATA',
  'ERR_NOT_SUPPORTED',
  'ERR_KEY_DAMAGED',
]

export const isOfOneItem = (error: unknown): error is AnyCardError =>
  error instanceof CardError && OF_ONE_ITEM.includes(error.code)

/**
 * Makes a change that only some cards support, after one that the card accepted: any refusal means that this card does
 * not support it. Returns whether it was made.
 */
export async function ifTaken(change: () => Promise<void>): Promise<boolean> {
  try {
    await change()
    return true
  } catch (error) {
    if (isOfOneItem(error) || (error instanceof CardError && OF_A_TAG.includes(error.code))) return false
    throw error
  }
}

/** The errors for the same status words in answer to a change. */
const OF_A_TAG: readonly string[] = ['ERR_ADMIN_REQUIRED', 'ERR_KEY_ABSENT']

/** The result of `work`; undefined where the card refuses, or its answer cannot be parsed. */
export async function ifReadable<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isOfOneItem(error)) return undefined
    throw error
  }
}
