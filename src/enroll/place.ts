/**
 * Where the key of an enrolment is until its certificate arrives. A new key waits in a free retired slot, so that the
 * old key and its certificate stay until the new ones are proved; if nothing is in the way, it is made directly in its
 * slot.
 */
import { CardError, UsageError } from '../errors.ts'
import { type Algorithm, parseAlgorithm } from '../piv/algorithms.ts'
import type { Card } from '../piv/host/card.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import { isOfOneItem } from '../piv/host/readable.ts'
import { isRetired, type PinPolicy, SLOTS, type Slot } from '../piv/slots.ts'

export interface Wishes {
  /** `new` makes a key, `existing` uses the one in the slot; by default whichever replaces nothing. */
  readonly key?: 'new' | 'existing'
  /** Replaces the certificate in the slot. Its key stays unless a new one is asked for. */
  readonly renew?: boolean
  /** Keeps a replaced key, with its certificate, in a retired slot. By default only that of slot 9d, for old mail. */
  readonly keepOld?: boolean
  /** Of a new key: P-256 by default. */
  readonly algorithm?: Algorithm | string
  /** Of a new key. */
  readonly pinPolicy?: PinPolicy
  /** Allows a new key to replace content of the slot that cannot be used here, or that the card does not report. */
  readonly overwrite?: boolean
}

export interface Place {
  readonly place: Slot
  readonly newKey: boolean
  readonly retireTo?: Slot
}

/** Highest first, because programs use them from the lowest up. */
const RETIRED = [...SLOTS.keys()].filter(isRetired).reverse() as Slot[]

/**
 * @param taken slots that other enrolments have chosen
 * @throws UsageError ERR_USAGE when a certificate would be replaced without consent; CardError
 * ERR_KEY_ABSENT, ERR_NOT_SUPPORTED
 */
export async function choosePlace(card: Card, slot: Slot, wishes: Wishes, taken: ReadonlySet<string>): Promise<Place> {
  const { key: wish, renew = false, keepOld = slot === '9d', overwrite = false } = wishes
  const keys = await card.keys()
  const found = keys.find((one) => one.slot === slot)
  const isCertified = await hasCertificate(card, slot)
  if (isCertified && !renew) {
    throw new UsageError(
      'ERR_USAGE',
      `Slot ${slot} has a certificate already. Renew it (--renew), or delete it first: tessera cert delete ${slot}.`,
    )
  }
  if (wish === 'existing' && found === undefined) {
    throw new CardError(
      'ERR_KEY_ABSENT',
      `There is no key in slot ${slot} to enrol. Make one: tessera key generate ${slot}.`,
    )
  }
  if (found !== undefined && wish !== 'new') {
    assertSuits(found, await card.pinPolicyOf(slot), wishes, isCertified)
    return { place: slot, newKey: false }
  }
  if (found === undefined) {
    if (overwrite || !(await card.isOccupied(slot))) return { place: slot, newKey: true }
    throw new UsageError(
      'ERR_USAGE',
      `Slot ${slot} may have a key that Tessera cannot use, or that the card does not report, and a new one would replace it for good. Name its public key (--public-key FILE), or allow it to be replaced (--yes).`,
    )
  }
  const free = await freeSlots(card, new Set([...taken, ...keys.map((one) => one.slot)]))
  const [place, retireTo] = free
  if (place === undefined || (keepOld && retireTo === undefined)) {
    throw new CardError(
      'ERR_NOT_SUPPORTED',
      `No retired slot (82 to 95) is free, where the new key would wait for its certificate. Delete a key there that nobody needs any more, or keep the key of slot ${slot} (--key existing).`,
    )
  }
  await assertMoves(card, place, slot, { free, isCertified })
  return { place, newKey: true, ...(keepOld && retireTo !== undefined && { retireTo }) }
}

/**
 * Options for a new key do not change one that stays. `known`: its PIN policy, if it is certain.
 * @throws UsageError ERR_USAGE
 */
function assertSuits(
  found: KeyInfo,
  known: PinPolicy | undefined,
  { algorithm, pinPolicy, keepOld }: Wishes,
  isCertified: boolean,
): void {
  const { slot } = found
  const others = [
    algorithm !== undefined && parseAlgorithm(algorithm) !== found.algorithm
      ? `its type is ${found.algorithm}, not ${parseAlgorithm(algorithm)}`
      : undefined,
    pinPolicy !== undefined && known !== undefined && pinPolicy !== known
      ? `its PIN policy is ${known}, not ${pinPolicy}`
      : undefined,
    keepOld && isCertified ? 'it is not being replaced, so there is no old key to keep' : undefined,
  ].filter((one) => one !== undefined)
  if (others.length === 0) return
  throw new UsageError(
    'ERR_USAGE',
    `Slot ${slot} already has a key: ${others.join(', and ')}. Have a new key made (--key new), or leave the option out.`,
  )
}

async function freeSlots(card: Card, taken: ReadonlySet<string>): Promise<Slot[]> {
  const free: Slot[] = []
  for (const slot of RETIRED) {
    if (free.length === 3) break
    const isFree = !taken.has(slot) && !(await hasCertificate(card, slot)) && !(await card.isOccupied(slot))
    if (isFree) free.push(slot)
  }
  return free
}

/** An unreadable certificate counts as one. Where reading needs the PIN, a certificate cannot be assumed. */
async function hasCertificate(card: Card, slot: Slot): Promise<boolean> {
  try {
    return (await card.getCertificate(slot)) !== undefined
  } catch (error) {
    if (isOfOneItem(error)) return error.code !== 'ERR_PIN_REQUIRED'
    throw error
  }
}

interface Moving {
  /** Slots that are free, two at least. */
  readonly free: readonly Slot[]
  readonly isCertified: boolean
}

/**
 * Checks, before anything is made, that the card can move a key: asks it to move an absent key between empty slots.
 * @throws CardError ERR_NOT_SUPPORTED
 */
async function assertMoves(card: Card, from: Slot, slot: Slot, { free, isCertified }: Moving): Promise<void> {
  const to = free.at(-1) ?? from
  const why = await card.moveKey(from, to).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(why instanceof CardError)) throw why ?? new CardError('ERR_CARD_REFUSED', 'A slot that was empty has a key.')
  if (why.code === 'ERR_KEY_ABSENT') return
  if (why.code !== 'ERR_NOT_SUPPORTED') throw why
  const first = isCertified ? `delete the certificate (tessera cert delete ${slot}) and make` : 'make'
  throw new CardError(
    'ERR_NOT_SUPPORTED',
    `This card cannot move keys, so a new key for slot ${slot} would replace the old one before it has a certificate. Keep the key (--key existing). If the old one may go, ${first} a new one (tessera key generate ${slot} --yes), and enroll that without --key new.`,
    { cause: why },
  )
}
