// Cards of every kind with keys that servers know.
import type { Algorithm, PinPolicy } from '../../../src/index.ts'
import { type NewCardOptions, type Opened, PIN, type Subject } from '../../contract/subjects.ts'
import { type Authority, certify } from './world.ts'

export interface KeyWanted {
  readonly slot: string
  readonly algorithm?: Algorithm
  readonly pinPolicy?: PinPolicy
}

/** A new card with those keys and a certificate for each; locked. */
export async function enrolled(
  subject: Subject,
  ca: Authority,
  keys: readonly KeyWanted[] = [{ slot: '9a' }],
  options: NewCardOptions = {},
): Promise<Opened> {
  const { card, channel } = await subject.fresh(options)
  for (const { slot, algorithm = 'P-256', pinPolicy = 'once' } of keys) {
    await subject.manage(card)
    await card.generateKey(slot, { algorithm, pinPolicy })
    await certify(card, slot, ca, { pin: PIN })
  }
  await card.lock()
  return { card, channel }
}
