// Which card a command is about, and its PIN.
import { cardInfo, listCards, openCard } from '../cards.ts'
import { CardError, PinError, UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import { pinBytes, pukBytes } from '../piv/pin.ts'
import { parseSlot, type Slot } from '../piv/slots.ts'
import { type Context, confirm, given } from './context.ts'
import { TEXT } from './messages.ts'
import type { Question } from './secrets.ts'

/**
 * The name that --card says, or the only card's.
 * @throws CardError ERR_CARD_NOT_FOUND, ERR_NOT_SUPPORTED; UsageError ERR_CARD_AMBIGUOUS
 */
export async function cardName(context: Context, argument?: string): Promise<string> {
  const said = argument ?? context.options.card
  if (said?.startsWith('reader:')) throw new CardError('ERR_NOT_SUPPORTED', TEXT.error.reader)
  if (said !== undefined) return said
  const [only, ...others] = await listCards()
  if (only === undefined) throw new CardError('ERR_CARD_NOT_FOUND', TEXT.error.noCards)
  if (others.length > 0) {
    throw new UsageError('ERR_CARD_AMBIGUOUS', TEXT.error.ambiguous([only, ...others].map((card) => card.name)))
  }
  return only.name
}

/** Runs `work` with the card that is meant. */
export async function withCard<Result>(context: Context, work: (card: Card) => Promise<Result>): Promise<Result> {
  const name = await cardName(context)
  return context.using(openCard({ name, ...given({ tcti: context.options.tcti }) }), work)
}

/**
 * The PIN, after a look at the tries left: none is spent on a blocked PIN, nor the last one by accident.
 * @throws PinError ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY, ERR_PIN_REQUIRED, ERR_PIN_FORMAT
 */
export async function takePin(context: Context, card: Card): Promise<Uint8Array> {
  const { triesLeft, blocked } = await card.pinStatus()
  if (blocked) throw new PinError('ERR_PIN_BLOCKED', TEXT.error.pinBlocked, { triesLeft: 0 })
  refuseLastTry(context, TEXT.what.pin, triesLeft)
  const prompt = TEXT.prompt.pin(card.name, triesLeft)
  return context.secrets.take({ what: TEXT.what.pin, prompt, check: pinBytes })
}

/** The same for the PUK; a blocked PUK is the card's to report. */
export async function takePuk(context: Context, card: Card): Promise<Uint8Array> {
  const { puk } = await card.pinStatus()
  refuseLastTry(context, TEXT.what.puk, puk?.triesLeft)
  const prompt = TEXT.prompt.puk(card.name, puk?.triesLeft)
  return context.secrets.take({ what: TEXT.what.puk, prompt, check: pukBytes })
}

export const newPin = { what: TEXT.what.newPin, prompt: TEXT.prompt.newPin, check: pinBytes } satisfies Question
export const newPuk = { what: TEXT.what.newPuk, prompt: TEXT.prompt.newPuk, check: pukBytes } satisfies Question

/** Verifies the PIN of an open card. */
export async function unlock(context: Context, card: Card): Promise<void> {
  await card.verifyPin(await takePin(context, card))
}

function refuseLastTry(context: Context, what: string, triesLeft: number | undefined): void {
  if (triesLeft !== 1 || context.options.lastTry) return
  throw new PinError('ERR_PIN_LAST_TRY', TEXT.error.lastTry(what), { triesLeft })
}

/** The key in a slot, from the card file alone. */
export async function keyOnFile(context: Context, slotName: string): Promise<KeyInfo> {
  const slot = parseSlot(slotName)
  const card = await cardInfo(await cardName(context))
  const key = card.keys.find((candidate) => candidate.slot === slot)
  if (key === undefined) throw new CardError('ERR_KEY_ABSENT', TEXT.error.noKey(slot))
  return key
}

/** Asks before a key is overwritten. */
export async function freeSlot(context: Context, card: Card, slot: Slot): Promise<void> {
  const keys = await card.keys()
  if (keys.some((key) => key.slot === slot)) await confirm(context, TEXT.confirm.overwrite(slot))
}
