// The PIN and PUK of a card, asked for when they are needed; the last try is kept.
import { PinError } from '../errors.ts'
import { accessOf, type Card } from '../piv/host/card.ts'
import type { PinUse } from '../piv/host/pin-request.ts'
import { anySecretBytes, pinBytes, pukBytes } from '../piv/pin.ts'
import { pinWeakness } from '../piv/pin-weakness.ts'
import type { Context } from './context.ts'
import { TEXT } from './messages.ts'
import type { Question } from './secrets.ts'
import { waysOutOf } from './ways-out.ts'

/**
 * Takes the PIN after a look at the tries left: a blocked PIN costs no try, and the last one is not used by accident.
 * @throws PinError ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY, ERR_PIN_REQUIRED, ERR_PIN_FORMAT
 */
export async function takePin(context: Context, card: Card): Promise<Uint8Array> {
  const status = await card.pinStatus()
  const { triesLeft, blocked } = status
  if (blocked) {
    throw new PinError('ERR_PIN_BLOCKED', TEXT.error.pinBlocked(await waysOutOf(card, status)), { triesLeft: 0 })
  }
  refuseLastTry(context, TEXT.what.pin, triesLeft)
  return askPin(context, card, triesLeft)
}

function askPin(context: Context, card: Card, triesLeft: number | undefined): Promise<Uint8Array> {
  return takePinOf(context, card.name, triesLeft, checkOf(card, 'PIN'))
}

/** The same for a card of any maker that is open elsewhere. */
export const askPinOf = (context: Context, card: string, triesLeft: number | undefined): Promise<Uint8Array> =>
  takePinOf(context, card, triesLeft, (octets) => anySecretBytes(octets, 'PIN'))

function takePinOf(context: Context, card: string, triesLeft: number | undefined, check: Check): Promise<Uint8Array> {
  return context.secrets.take({ what: TEXT.what.pin, prompt: TEXT.prompt.pin(card, triesLeft), check })
}

type Check = NonNullable<Question['check']>

/** By the rules of the card: Tessera's cards have their own, even in a reader. */
const checkOf =
  (card: Card, which: 'PIN' | 'PUK'): Check =>
  (octets) =>
    accessOf(card).secrets.bytes(octets, which)

/**
 * How a key gets the PIN when it is used: in the same transaction, asked for when the key needs it, by the same rules.
 */
export function keyPin(context: Context, card: Card): PinUse {
  return { pin: ({ triesLeft }) => askPin(context, card, triesLeft), ...triesToKeep(context) }
}

/** Another program may use up tries while the user types. */
export const triesToKeep = ({ options }: Context) => ({ minTriesLeft: options.lastTry ? 0 : 2 })

/** The same for the PUK; the card itself reports a blocked PUK. @throws PinError ERR_PUK_ABSENT for a card without one */
export async function takePuk(context: Context, card: Card): Promise<Uint8Array> {
  const { puk } = await card.pinStatus()
  if (puk === undefined) throw new PinError('ERR_PUK_ABSENT', TEXT.error.noPuk)
  refuseLastTry(context, TEXT.what.puk, puk.triesLeft)
  const prompt = TEXT.prompt.puk(card.name, puk.triesLeft)
  return context.secrets.take({ what: TEXT.what.puk, prompt, check: checkOf(card, 'PUK') })
}

export const newPin = {
  ...{ what: TEXT.what.newPin, prompt: TEXT.prompt.newPin, check: pinBytes },
  warning(pin: Uint8Array): string | undefined {
    const weakness = pinWeakness(pin)
    return weakness && TEXT.warn.weakPin[weakness]
  },
} satisfies Question
/** The same for an existing card. */
export const newPinOf = (card: Card): Question => ({ ...newPin, check: checkOf(card, 'PIN') })
export const newPukOf = (card: Card): Question => ({ ...newPuk, check: checkOf(card, 'PUK') })

export const newPuk = { what: TEXT.what.newPuk, prompt: TEXT.prompt.newPuk, check: pukBytes } satisfies Question

/** Verifies the PIN of an open card. */
export async function unlock(context: Context, card: Card): Promise<void> {
  await card.verifyPin(await takePin(context, card), triesToKeep(context))
}

function refuseLastTry(context: Context, what: string, triesLeft: number | undefined): void {
  if (triesLeft !== 1 || context.options.lastTry) return
  throw new PinError('ERR_PIN_LAST_TRY', TEXT.error.lastTry(what), { triesLeft })
}
