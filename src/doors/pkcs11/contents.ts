// What a card has to show, read once for all objects of its token.
import { hex } from '../../bytes.ts'
import { valueIf } from '../../errors.ts'
import { guidOf } from '../../piv/contents.ts'
import { accessOf, type Card } from '../../piv/host/card.ts'
import type { CardCertificate } from '../../piv/host/certificates.ts'
import type { SlotContent } from '../../piv/host/key-info.ts'
import type { ObjectInfo } from '../../piv/host/objects.ts'
import { isOfOneItem } from '../../piv/host/readable.ts'
import { objectByTag } from '../../piv/objects.ts'
import type { Slot } from '../../piv/slots.ts'

export interface CardContents {
  readonly keys: readonly SlotContent[]
  readonly certificates: ReadonlyMap<Slot, CardCertificate>
  /** Data objects that are no certificates. */
  readonly data: readonly ObjectInfo[]
}

export interface CardFacts {
  /** In hex; empty where the card has no GUID. */
  readonly serial: string
  /** It is in the TPM of this computer, and its PIN alone allows changes. */
  readonly isOwned: boolean
}

/** Where this library keeps the chain of a certificate, which the objects of its certificates show. */
const isChain = (tag: string): boolean => tag.startsWith('5ffe')

export async function readContents(card: Card): Promise<CardContents> {
  const keys = await card.slotContents()
  const objects = await card.objects()
  const certificates = new Map<Slot, CardCertificate>()
  for (const { tag } of objects) {
    const slot = objectByTag(tag)?.slot
    // What cannot be parsed, or not be read, is no object of the token.
    const found = slot && (await card.getCertificate(slot).catch(valueIf(isOfOneItem, undefined)))
    if (slot !== undefined && found !== undefined) certificates.set(slot, found)
  }
  const data = objects.filter(({ tag }) => objectByTag(tag)?.slot === undefined && !isChain(tag))
  return { keys, certificates, data }
}

export async function readFacts(card: Card): Promise<CardFacts> {
  const chuid = await card.getObject('chuid').catch(valueIf(isOfOneItem, undefined))
  const guid = chuid && guidOf(chuid)
  const { local } = accessOf(card).channel
  return {
    serial: guid === undefined ? '' : hex(guid),
    isOwned: local !== undefined,
  }
}
