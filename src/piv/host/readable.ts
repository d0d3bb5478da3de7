// One odd item ends no listing and blocks no other: what a card refuses, or what is not understood of it.
import { type AnyCardError, CardError } from '../../errors.ts'

/** What a card answers of one item. Not among them: that it is gone, was reset, or is another one. */
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
 * A change that only some cards take, after one that the card took: whatever it refuses it by says that it is not one of
 * these cards. Answers whether it was made.
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

/** What the same status words come to in answer to a change. */
const OF_A_TAG: readonly string[] = ['ERR_ADMIN_REQUIRED', 'ERR_KEY_ABSENT']

/** What `work` comes to; undefined where the card refuses it, or what it answers is not understood. */
export async function ifReadable<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isOfOneItem(error)) return undefined
    throw error
  }
}
