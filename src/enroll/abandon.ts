// Abandoning an enrolment: removes what was made for it, and moves back what it had moved away.
import { X509Certificate } from 'node:crypto'
import { equal } from '../bytes.ts'
import { hasCode, valueIf } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import { parseSlot, type Slot } from '../piv/slots.ts'
import { isFor } from './chain.ts'
import { cardIdOf } from './identity.ts'
import { certificateIn, install, publicKeyIn } from './install.ts'
import { keyOfRequest } from './request-key.ts'
import { type Enrolment, type Enrolments, isDamaged } from './state.ts'

type Authorize = (() => Promise<void>) | undefined

export interface Undone {
  /** It had begun to put the new key or certificate into the slot, so it was finished instead. */
  readonly finished: boolean
  /**
   * A key stays in the slot: the card cannot delete it, it has a certificate by now, or nothing shows that it is ours.
   */
  readonly keyLeft: boolean
}

/** Its file was damaged and is removed: a key that it made may be left, and its request may be at the CA. */
export interface Damaged {
  readonly slot: Slot
  readonly damaged: true
  readonly finished: false
  readonly keyLeft: true
}

/**
 * An enrolment that has begun to put the new key or certificate into the slot is finished instead.
 * @returns what was under way; undefined if nothing was
 * @throws FileError ERR_CARD_BUSY when another process is working on it, ERR_CARD_FILE_NEWER; as changes of a card do
 */
export async function abandon(
  card: Card,
  slotName: string,
  { authorize }: { readonly authorize?: Authorize },
  enrolments: Enrolments,
): Promise<(Enrolment & Undone & { readonly damaged: false }) | Damaged | undefined> {
  const slot = parseSlot(slotName)
  return enrolments.alone(await cardIdOf(card), slot, async (file) => {
    const found = await file.read().catch(valueIf(isDamaged, 'damaged' as const))
    if (found === undefined) return undefined
    if (found === 'damaged') {
      await file.remove()
      return { slot, damaged: true, finished: false, keyLeft: true }
    }
    const finished = await tooLate(card, found)
    if (finished) await finish(card, found, authorize)
    const keyLeft = !finished && !(await undo(card, found, authorize))
    await file.remove()
    return { ...found, finished, keyLeft, damaged: false }
  })
}

/** Whether the new key or its certificate is in the slot already: then the old pair is no longer complete. */
async function tooLate(card: Card, { step, slot, place, certificate }: Enrolment): Promise<boolean> {
  if (step !== 'issued' || certificate === undefined) return false
  const there = await certificateIn(card, slot)
  if (there !== undefined && equal(there.certificate, certificate)) return true
  const key = await publicKeyIn(card, slot)
  return place !== slot && key !== undefined && isFor(new X509Certificate(certificate), key)
}

async function finish(card: Card, found: Enrolment, authorize: Authorize): Promise<void> {
  const { certificate = new Uint8Array(0) } = found
  await authorize?.()
  await install(card, { ...found, certificate }, new X509Certificate(certificate).publicKey)
}

/** @returns whether nothing is left of it, as far as the card reports its content */
async function undo(card: Card, found: Enrolment, authorize: Authorize): Promise<boolean> {
  const { step, slot, place, newKey, retireTo, request } = found
  if (place === slot) return newKey === undefined || undoInPlace(card, found, authorize)
  await authorize?.()
  // Before that step this enrolment had put nothing there, so the content of the slot is not ours.
  if (retireTo !== undefined && step === 'issued') await takeBack(card, slot, retireTo)
  const key = await publicKeyIn(card, place)
  if (key !== undefined && (request === undefined || key.equals(keyOfRequest(request)))) await card.deleteKey(place)
  return true
}

/** Deletes a key made directly in its slot, if the request shows that it is ours and it has no certificate yet. */
async function undoInPlace(card: Card, { slot, request }: Enrolment, authorize: Authorize): Promise<boolean> {
  const key = await publicKeyIn(card, slot)
  if (key === undefined) return true
  if (request === undefined || (await certificateIn(card, slot)) !== undefined) return false
  if (!key.equals(keyOfRequest(request))) return true
  await authorize?.()
  return card.deleteKey(slot).then(
    () => true,
    valueIf((error) => hasCode(error, 'ERR_NOT_SUPPORTED'), false),
  )
}

/** The old key, or only a copy of its certificate, may already be there; nothing else is touched. */
async function takeBack(card: Card, slot: string, from: string): Promise<void> {
  const [old, copy] = [await certificateIn(card, slot), await certificateIn(card, from)]
  const key = (await publicKeyIn(card, slot)) === undefined ? await publicKeyIn(card, from) : undefined
  const isOld = key !== undefined && (old === undefined || isFor(new X509Certificate(old.certificate), key))
  if (isOld) await card.moveKey(from, slot)
  if (old !== undefined && copy !== undefined && equal(old.certificate, copy.certificate))
    await card.deleteCertificate(from)
}
