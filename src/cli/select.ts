// Which card a command is about, and its PIN.
import { cardInfo, listCards, openCard } from '../cards.ts'
import { CardError, PinError, UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import type { PinUse } from '../piv/host/pin-request.ts'
import { pinBytes, pukBytes } from '../piv/pin.ts'
import { parseSlot, type Slot } from '../piv/slots.ts'
import { adminKeyIn } from './admin-key.ts'
import { type Context, confirm, given } from './context.ts'
import { TEXT } from './messages.ts'
import type { Question } from './secrets.ts'

const READER = 'reader:'

/** What stands after `reader:` in --card; undefined where a card in a TPM is meant. */
function readerText({ options }: Context): string | undefined {
  return options.card?.startsWith(READER) ? options.card.slice(READER.length) : undefined
}

/**
 * The name that --card says, or the only card's.
 * @throws CardError ERR_CARD_NOT_FOUND, ERR_NOT_SUPPORTED; UsageError ERR_CARD_AMBIGUOUS
 */
export async function cardName(context: Context, argument?: string): Promise<string> {
  const said = argument ?? context.options.card
  if (said?.startsWith(READER)) throw new CardError('ERR_NOT_SUPPORTED', TEXT.error.reader)
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
  const reader = readerText(context)
  if (reader !== undefined) return context.using(openCard({ reader }), work)
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
  return askPin(context, card, triesLeft)
}

function askPin(context: Context, card: Card, triesLeft: number | undefined): Promise<Uint8Array> {
  const prompt = TEXT.prompt.pin(card.name, triesLeft)
  return context.secrets.take({ what: TEXT.what.pin, prompt, check: pinBytes })
}

/** How the use of a key gets the PIN: in one transaction with it, asked for when the key wants it, by the same rules. */
export function keyPin(context: Context, card: Card): PinUse {
  return {
    pin: ({ triesLeft }) => askPin(context, card, triesLeft),
    minTriesLeft: context.options.lastTry ? 0 : 2,
  }
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

/** What a change of the card needs: the admin key where --admin-key-file names one, else the PIN. */
export async function unlockManagement(context: Context, card: Card): Promise<void> {
  const path = context.options.adminKeyFile
  if (path === undefined) await unlock(context, card)
  else await card.authenticateAdmin(await adminKeyIn(context, path, '--admin-key-file'))
}

/**
 * What signing with a key and then changing the card need, for one PIN: the PIN is verified, or for a key of policy
 * `always` handed back, to be verified right before its use.
 */
export async function unlockToCertify(context: Context, card: Card, slot: Slot): Promise<Uint8Array | undefined> {
  const { mustChange } = await card.pinStatus()
  if (mustChange) throw new PinError('ERR_PIN_CHANGE_REQUIRED', TEXT.error.changeRequired)
  const { pinPolicy } = await card.keyInfo(slot)
  const byAdminKey = context.options.adminKeyFile !== undefined
  if (byAdminKey) await unlockManagement(context, card)
  if (byAdminKey && pinPolicy === 'never') return undefined
  const pin = await takePin(context, card)
  if (pinPolicy === 'always') return pin
  await card.verifyPin(pin)
  return undefined
}

function refuseLastTry(context: Context, what: string, triesLeft: number | undefined): void {
  if (triesLeft !== 1 || context.options.lastTry) return
  throw new PinError('ERR_PIN_LAST_TRY', TEXT.error.lastTry(what), { triesLeft })
}

/** The keys of the card, from the card file alone; a card in a reader is asked. */
export async function keysOnFile(context: Context): Promise<readonly KeyInfo[]> {
  if (readerText(context) !== undefined) return withCard(context, (card) => card.keys())
  return (await cardInfo(await cardName(context))).keys
}

/** The key in a slot, in the same way. */
export async function keyOnFile(context: Context, slotName: string): Promise<KeyInfo> {
  const slot = parseSlot(slotName)
  const key = (await keysOnFile(context)).find((candidate) => candidate.slot === slot)
  if (key === undefined) throw new CardError('ERR_KEY_ABSENT', TEXT.error.noKey(slot))
  return key
}

/** Asks before a key is overwritten. */
export async function freeSlot(context: Context, card: Card, slot: Slot): Promise<void> {
  const keys = await card.keys()
  if (keys.some((key) => key.slot === slot)) await confirm(context, TEXT.confirm.overwrite(slot))
}

/** Asks before a certificate is overwritten. */
export async function freeCertificate(context: Context, card: Card, slot: Slot): Promise<void> {
  if ((await card.getCertificate(slot)) !== undefined) await confirm(context, TEXT.confirm.overwriteCert(slot))
}
