// Puts an issued certificate and its key where they belong. Every step can be repeated: after a crash the next call
// sees on the card how far the last one came.
import { type KeyObject, X509Certificate } from 'node:crypto'
import { equal } from '../bytes.ts'
import { CardError, hasCode, valueIf } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { CardCertificate } from '../piv/host/certificates.ts'
import { isOfOneItem } from '../piv/host/readable.ts'
import { parseSlot } from '../piv/slots.ts'
import { isFor } from './chain.ts'
import { nameCertificate } from './friendly-name.ts'
import type { Enrolment } from './state.ts'

export type Issued = Enrolment & { readonly certificate: Uint8Array }

/** The public key in a slot; undefined if the card reports none. */
export async function publicKeyIn(card: Card, slot: string): Promise<KeyObject | undefined> {
  const isAbsent = (error: unknown) => isOfOneItem(error) || hasCode(error, 'ERR_KEY_ABSENT')
  return (await card.keyInfo(slot).catch(valueIf(isAbsent, undefined)))?.publicKey
}

/** `key`: that of the certificate. @throws as changes of a card do; the next call finds what was done */
export async function install(card: Card, enrolment: Issued, key: KeyObject): Promise<void> {
  const { slot, place, retireTo, certificate, chain = [], friendlyName } = enrolment
  if (place !== slot && (await publicKeyIn(card, slot))?.equals(key) !== true) {
    if (retireTo !== undefined) await retire(card, slot, retireTo)
    await card.moveKey(place, slot)
  }
  await card.putCertificate(slot, { certificate, chain })
  await nameCertificate(card, parseSlot(slot), certificate, friendlyName)
}

/** The certificate goes first: programs do not see a key without one. */
async function retire(card: Card, slot: string, to: string): Promise<void> {
  const [old, key] = [await certificateIn(card, slot), await publicKeyIn(card, slot)]
  await assertFree(card, slot, to, { old, toMove: key !== undefined })
  if (old !== undefined) await card.putCertificate(to, old)
  if (key !== undefined) await card.moveKey(slot, to)
}

/**
 * The slot was free when it was chosen, perhaps weeks ago. By now it may hold the old certificate and its key, from an
 * earlier try; anything else is not ours and stays. `toMove`: the old key is not there yet.
 */
async function assertFree(
  card: Card,
  slot: string,
  to: string,
  { old, toMove }: { readonly old: CardCertificate | undefined; readonly toMove: boolean },
): Promise<void> {
  const [certificate, key] = [await certificateIn(card, to), await publicKeyIn(card, to)]
  const others = certificate !== undefined && !(old !== undefined && equal(certificate.certificate, old.certificate))
  const other =
    key !== undefined && (toMove || (old !== undefined && !isFor(new X509Certificate(old.certificate), key)))
  if (!others && !other) return
  throw new CardError(
    'ERR_NOT_SUPPORTED',
    `Slot ${to} was reserved for the key being replaced, but has been used for something else since. Move or delete that, or give the enrolment up: tessera enroll ${slot} --abandon.`,
  )
}

/** The certificate in a slot; undefined if there is none that can be read. */
export const certificateIn = (card: Card, slot: string): Promise<CardCertificate | undefined> =>
  card.getCertificate(slot).catch(valueIf(isOfOneItem, undefined))
