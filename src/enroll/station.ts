/** The enrolment station: a card is made and enrolled for somebody, who then changes its first PIN. */

import { secretBytes, wipe } from '../bytes.ts'
import { type CreateCardOptions, cardInfo, makeCard, openChannel, type ReadableCard } from '../cards/index.ts'
import { CardError, hasCode, valueIf } from '../errors.ts'
import { cardOver } from '../piv/host/card.ts'
import { DEFAULT_PIN } from '../piv/pin.ts'
import type { EnrollOptions, EnrollResult } from './enroll-options.ts'
import { enroll } from './enrollments.ts'

/** Its keys sign the request and the test while the first PIN is still to be changed; for everybody else they do not. */
const IN_THE_STATION = { firstPinServes: true } as const

export interface StationOptions {
  /** The card: its first PIN is 12345678 unless given, and has to be changed by the first user in either case. */
  readonly card: Omit<CreateCardOptions, 'mustChangePin'>
  /** What is enrolled, and where. */
  readonly enroll: Omit<EnrollOptions, 'pin' | 'authorize' | 'renew' | 'key' | 'keepOld'>
}

export interface Prepared {
  readonly card: ReadableCard
  readonly enrollment: EnrollResult
}

/**
 * Makes a card, enrols it, and leaves it so that its first user has to change the PIN before a key serves. A call that
 * ended in the middle, or waits for the CA, is made again with the same PIN: it goes on with the card that is there.
 * @throws CardError ERR_CARD_EXISTS for a card that somebody uses already; as `createCard` and `enroll`
 */
export async function prepareCard({ card: made, enroll: asked }: StationOptions): Promise<Prepared> {
  const { name, home, tcti, pin: first = DEFAULT_PIN } = made
  const pin = secretBytes(first)
  const place = { ...(home !== undefined && { home }) }
  const again = await begun(name, place)
  const card = again
    ? cardOver(await openChannel({ name, ...place, ...(tcti !== undefined && { tcti }) }, IN_THE_STATION))
    : await makeCard({ ...made, mustChangePin: true }, IN_THE_STATION)
  try {
    // Whether the PIN of a card that was there is the one that is given now is not known: its last try is left.
    const careful = again && (await card.pinStatus()).tries !== 1
    const { minTriesLeft = careful ? 2 : 0 } = asked
    const authorize = async () => {
      if (!(await card.pinStatus()).verified) await card.verifyPin(pin, { minTriesLeft })
    }
    const enrollment = await enroll(card, { ...asked, ...place, pin, minTriesLeft, authorize })
    return { card: await cardInfo(name, place), enrollment }
  } finally {
    await card.close()
    wipe(pin)
  }
}

/** Whether there is a card of this name that nobody has used yet. @throws CardError ERR_CARD_EXISTS */
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
