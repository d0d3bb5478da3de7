/** The enrolment station makes and enrols a card for its first user, who then changes the first PIN. */

import { type CreateCardOptions, cardInfo, makeCard, openChannel, type ReadableCard } from '../../cards/index.ts'
import { CardError, hasCode, valueIf } from '../../errors.ts'
import { type Card, cardOver } from '../../piv/host/card.ts'
import { DEFAULT_PIN, type Secret } from '../../piv/pin.ts'
import type { EnrollOptions, EnrollResult } from '../enroll-options.ts'
import { type EnrollPlace, enroll, pendingEnrollment } from '../enrollments.ts'
import { certificateIn } from '../install.ts'

/**
 * In the station the keys sign the request and the test before the first PIN has been changed; elsewhere they do not.
 */
const IN_THE_STATION = { firstPinServes: true } as const

export interface StationOptions {
  /**
   * The card: its first PIN is 12345678 by default, and the first user has to change it in any case. A function is called
   * each time that the PIN is needed, so that nothing keeps it while the CA decides.
   */
  readonly card: Omit<CreateCardOptions, 'mustChangePin' | 'pin'> & {
    readonly pin?: Secret | (() => Secret | Promise<Secret>)
  }
  /** What is enrolled, and where. */
  readonly enroll: Omit<EnrollOptions, 'pin' | 'authorize' | 'renew' | 'key' | 'keepOld'>
}

export interface Prepared {
  readonly card: ReadableCard
  readonly enrollment: EnrollResult
}

/**
 * Makes a card, enrols it, and leaves it so that its first user has to change the PIN before a key can be used. After
 * an interruption, or while the CA decides, repeat the call with the same PIN: it continues with the existing card.
 * @throws CardError ERR_CARD_EXISTS for a card that is already finished or in use; as `createCard` and `enroll`
 */
export async function prepareCard({ card: made, enroll: asked }: StationOptions): Promise<Prepared> {
  const { name, home, tcti, pin: first = DEFAULT_PIN } = made
  const pin = async () => (typeof first === 'function' ? first() : first)
  const place = { ...(home !== undefined && { home }) }
  const again = await begun(name, place)
  const card = again
    ? cardOver(await openChannel({ name, ...place, ...(tcti !== undefined && { tcti }) }, IN_THE_STATION))
    : await makeCard({ ...made, pin: await pin(), mustChangePin: true }, IN_THE_STATION)
  try {
    if (again) await assertUnfinished(card, asked.slot ?? '9a', place)
    // An existing card may have another PIN than the one given now, so its last try is not risked.
    const careful = again && (await card.pinStatus()).tries !== 1
    const { minTriesLeft = careful ? 2 : 0 } = asked
    const authorize = async () => {
      if (!(await card.pinStatus()).verified) await card.verifyPin(await pin(), { minTriesLeft })
    }
    const enrollment = await enroll(card, { ...asked, ...place, pin, minTriesLeft, authorize })
    return { card: await cardInfo(name, place), enrollment }
  } finally {
    await card.close()
  }
}

/** @throws CardError ERR_CARD_EXISTS for a card that has its certificate */
async function assertUnfinished(card: Card, slot: string, place: EnrollPlace): Promise<void> {
  const isUnderWay = (await pendingEnrollment(card, slot, place)) !== undefined
  if (isUnderWay || (await certificateIn(card, slot)) === undefined) return
  const { name } = card
  throw new CardError(
    'ERR_CARD_EXISTS',
    `Card '${name}' is ready to hand over already: it has a certificate in slot ${slot}. Choose another name for another card, or destroy this one first: tessera destroy ${name} --yes.`,
  )
}

/** Whether there is a card of this name that has not been used yet. @throws CardError ERR_CARD_EXISTS */
async function begun(name: string, place: { readonly home?: string }): Promise<boolean> {
  const isAbsent = (error: unknown) => hasCode(error, 'ERR_CARD_NOT_FOUND')
  const found = await cardInfo(name, place).catch(valueIf(isAbsent, undefined))
  if (found !== undefined && !found.mustChangePin) {
    throw new CardError(
      'ERR_CARD_EXISTS',
      `There is a card '${name}' already, and somebody has set its PIN. Choose another name, or destroy it first: tessera destroy ${name} --yes.`,
    )
  }
  return found !== undefined
}
