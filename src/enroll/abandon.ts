// Giving an enrolment up: what was made for it goes, and what it had moved away comes back.
import type { Card } from '../piv/host/card.ts'
import { parseSlot } from '../piv/slots.ts'
import { cardIdOf } from './identity.ts'
import { publicKeyIn } from './install.ts'
import type { Enrolment, Enrolments } from './state.ts'

/**
 * @returns what was under way; undefined where nothing was
 * @throws FileError ERR_CARD_BUSY when another process goes on with it; as changes of a card do
 */
export async function abandon(
  card: Card,
  slotName: string,
  { authorize }: { readonly authorize?: () => Promise<void> },
  enrolments: Enrolments,
): Promise<Enrolment | undefined> {
  const slot = parseSlot(slotName)
  return enrolments.alone(await cardIdOf(card), slot, async (file) => {
    const found = await file.read()
    if (found === undefined) return undefined
    const { place, retireTo } = found
    const inPlace = place === slot ? undefined : await publicKeyIn(card, place)
    const retired = retireTo === undefined ? undefined : await publicKeyIn(card, retireTo)
    if (inPlace !== undefined) {
      await authorize?.()
      // The new key waits still, so the certificate in the slot is that of the key that was moved away.
      if (retired !== undefined && retireTo !== undefined) {
        await card.moveKey(retireTo, slot)
        await card.deleteCertificate(retireTo)
      }
      await card.deleteKey(place)
    }
    await file.remove()
    return found
  })
}
