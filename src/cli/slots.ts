// What is in the slots of the card, and the question before it is overwritten.
import { cardInfo } from '../cards/index.ts'
import { examineCertificates } from '../enroll/import.ts'
import { CardError, hasCode, valueIf } from '../errors.ts'
import { accessOf, type Card } from '../piv/host/card.ts'
import type { KeyInfo, SlotContent } from '../piv/host/key-info.ts'
import { isOfOneItem } from '../piv/host/readable.ts'
import { parseSlot, type Slot } from '../piv/slots.ts'
import { type Context, confirm } from './context.ts'
import { TEXT } from './messages.ts'
import { choiceOf, withCard } from './select.ts'

/** The content of the card's slots, from the card file alone; a card in a reader is asked. */
export async function slotsOnFile(context: Context): Promise<SlotsOnFile> {
  const choice = await choiceOf(context)
  if (!('reader' in choice)) return { contents: (await cardInfo(choice.name)).keys, seesAll: true }
  return withCard(context, async (card) => {
    const contents = await card.slotContents()
    return { contents, seesAll: accessOf(card).extras.hasMetadata }
  })
}

interface SlotsOnFile {
  readonly contents: readonly SlotContent[]
  /** False for a card that does not report keys without a certificate. */
  readonly seesAll: boolean
}

/** The key in a slot, in the same way. */
export async function keyOnFile(context: Context, slotName: string): Promise<KeyInfo> {
  const slot = parseSlot(slotName)
  const choice = await choiceOf(context)
  if ('reader' in choice) return withCard(context, (card) => card.keyInfo(slot))
  const key = (await cardInfo(choice.name)).keys.find((candidate) => candidate.slot === slot)
  if (key === undefined) throw new CardError('ERR_KEY_ABSENT', TEXT.error.noKey(slot))
  return key
}

/** Whether a slot has a key, even one that cannot be used here. */
export const hasKey = (card: Card, slot: Slot): Promise<boolean> =>
  card
    .keyInfo(slot)
    .then(() => true)
    .catch(valueIf(isOfOneItem, true))
    .catch(valueIf((error) => hasCode(error, 'ERR_KEY_ABSENT'), false))

/** Asks before a key is overwritten. Content that cannot be parsed may be a key. */
export async function freeSlot(context: Context, card: Card, slot: Slot): Promise<void> {
  if (!(await card.isOccupied(slot))) return
  const { overwrite, overwriteUnknown } = TEXT.confirm
  const known = (await card.keys()).some((key) => key.slot === slot)
  await confirm(context, (known ? overwrite : overwriteUnknown)(slot))
}

/** Asks before a certificate is overwritten, even one that cannot be parsed. */
export async function freeCertificate(context: Context, card: Card, slot: Slot): Promise<void> {
  if (await hasCertificate(card, slot)) await confirm(context, TEXT.confirm.overwriteCert(slot))
}

/** A certificate that cannot be parsed counts too. */
export const hasCertificate = (card: Card, slot: Slot): Promise<boolean> =>
  card
    .getCertificate(slot)
    .then((found) => found !== undefined)
    .catch(valueIf(isOfOneItem, true))

/** Asks before a certificate is stored beside a key although it would be of little use there. @throws CardError */
export async function acceptCertificates(
  context: Context,
  key: Pick<KeyInfo, 'slot' | 'publicKey'>,
  given: readonly Uint8Array[],
): Promise<void> {
  const { findings } = examineCertificates(key, given)
  if (findings.length > 0) await confirm(context, TEXT.confirm.unfitCert(findings))
}
