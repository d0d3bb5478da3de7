// Putting an issued certificate and its key where they belong. Every step can be done again: whoever takes over after a
// crash finds on the card how far it came.
import type { KeyObject } from 'node:crypto'
import { CardError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { CardCertificate } from '../piv/host/certificates.ts'
import { parseSlot } from '../piv/slots.ts'
import { nameCertificate } from './friendly-name.ts'
import type { Enrolment } from './state.ts'

export type Issued = Enrolment & { readonly certificate: Uint8Array }

/** The public key in a slot; undefined where there is none that the card tells. */
export async function publicKeyIn(card: Card, slot: string): Promise<KeyObject | undefined> {
  try {
    return (await card.keyInfo(slot)).publicKey
  } catch (error) {
    if (error instanceof CardError && error.code === 'ERR_KEY_ABSENT') return undefined
    throw error
  }
}

/** `key`: that of the certificate. @throws as changes of a card do; what was done is found by the next call */
export async function install(card: Card, enrolment: Issued, key: KeyObject): Promise<void> {
  const { slot, place, retireTo, certificate, chain = [], friendlyName } = enrolment
  if (place !== slot && (await publicKeyIn(card, slot))?.equals(key) !== true) {
    if (retireTo !== undefined) await retire(card, slot, retireTo)
    await card.moveKey(place, slot)
  }
  await card.putCertificate(slot, { certificate, chain })
  await nameCertificate(card, parseSlot(slot), certificate, friendlyName)
}

/** The certificate first: a key without one would be seen by nobody. */
async function retire(card: Card, slot: string, to: string): Promise<void> {
  const old = await certificateIn(card, slot)
  if (old !== undefined) await card.putCertificate(to, old)
  if ((await publicKeyIn(card, slot)) !== undefined) await card.moveKey(slot, to)
}

/** The certificate in a slot; undefined where there is none that can be read. */
export async function certificateIn(card: Card, slot: string): Promise<CardCertificate | undefined> {
  try {
    return await card.getCertificate(slot)
  } catch (error) {
    if (error instanceof CardError && error.code === 'ERR_DATA') return undefined
    throw error
  }
}
