/** A card that is made in a TPM to be validated, and destroyed afterwards: everything may be done to it. */
import { randomBytes, randomInt } from 'node:crypto'
import { destroyCard } from '../cards/change.ts'
import { createCard } from '../cards/create.ts'
import { openChannel } from '../cards/open.ts'
import { hasCode } from '../errors.ts'
import { CARD_DESCRIPTIONS, cardChecks } from './card/checks.ts'
import { guidOf, prove } from './card/preflight.ts'
import { USE_DESCRIPTIONS, useChecks } from './card/use-checks.ts'
import type { Check, Class } from './result.ts'
import { SCRATCH_CARD } from './tpm/card.ts'

export interface OwnCardPlace {
  readonly tcti: string
  readonly home: string
  readonly ownerPassword: Uint8Array
  /** How long one check may go on measuring, in seconds. */
  readonly seconds: number
}

const ALL: readonly Class[] = ['N', 'P', 'R', 'W']
const digits = (count: number): string => Array.from({ length: count }, () => randomInt(10)).join('')

/** What is done to the card is something that the TPM's owner allows, or does not. */
export const OWN_CARD_DESCRIPTIONS = [...CARD_DESCRIPTIONS, ...USE_DESCRIPTIONS].map((one) => ({
  ...one,
  class: 'T' as const,
}))

/**
 * Runs `work` with the checks of such a card. A card that a killed run left is destroyed first.
 * @throws as `createCard`
 */
export async function withOwnCard<T>(
  { tcti, home, ownerPassword, seconds }: OwnCardPlace,
  work: (checks: Check[]) => Promise<T>,
): Promise<T> {
  const place = { tcti, home, ownerPassword }
  await destroyCard(SCRATCH_CARD, place).catch((error: unknown) => {
    if (!hasCode(error, 'ERR_CARD_NOT_FOUND')) throw error
  })
  const secrets = { pin: digits(8), puk: digits(8), adminKey: Uint8Array.from(randomBytes(24)) }
  await (await createCard({ ...place, name: SCRATCH_CARD, ...secrets })).close()
  try {
    const channel = await openChannel({ tcti, home, name: SCRATCH_CARD })
    try {
      const known = await prove(channel, { classes: ALL, secrets, guid: undefined, pukTries: undefined })
      const card = { channel, guid: await guidOf(channel), classes: ALL, secrets: known }
      const checks = [...cardChecks(card), ...useChecks(card, seconds)]
      return await work(checks.map((check) => ({ ...check, class: 'T' })))
    } finally {
      await channel.close()
    }
  } finally {
    await destroyCard(SCRATCH_CARD, place)
  }
}
