// The PIN for a use of a key: given at once, or asked for when the key needs it.
import type { Secret } from '../pin.ts'
import type { PinPolicy, Slot } from '../slots.ts'
import type { KeyInfo } from './key-info.ts'
import { withSecrets } from './pins.ts'
import type { CardSecrets } from './secrets.ts'

/** What the key is used for. */
export type KeyUse = 'sign' | 'decrypt' | 'derive'

/** Why a PIN is asked for. */
export interface PinRequest {
  /** Name of the card, where it has one. */
  readonly card: string | undefined
  readonly slot: Slot
  readonly use: KeyUse
  readonly pinPolicy: PinPolicy
  /** Wrong tries that are left, where that is known. */
  readonly triesLeft: number | undefined
  /** The same as a sentence, for a person to read. */
  readonly reason: string
}

/** Called outside any transaction: it may take its time, and may use the card. An error from it ends the call. */
export type AskPin = (request: PinRequest) => Secret | Promise<Secret>

/** How a use of a key gets the PIN. */
export interface PinUse {
  /**
   * Verified right before the use and in one transaction with it, so that no other program comes between. A key over a
   * reader that needs the PIN for every use needs it here. A function is called only when the key needs the PIN now, and
   * before the message is read.
   */
  readonly pin?: Secret | AskPin
  /** Refuses to try a PIN when fewer tries are left: 2 keeps the last one. */
  readonly minTriesLeft?: number
}

const USES: Readonly<Record<KeyUse, string>> = { sign: 'sign', decrypt: 'decrypt', derive: 'agree on a secret' }

export function pinRequest(
  { slot, name, pinPolicy }: KeyInfo,
  use: KeyUse,
  { card, triesLeft }: Pick<PinRequest, 'card' | 'triesLeft'>,
): PinRequest {
  const when = pinPolicy === 'always' ? 'for every use' : 'first'
  const reason = `The key in slot ${slot} (${name}) is to ${USES[use]}, and wants the PIN ${when}.`
  return { card, slot, use, pinPolicy, triesLeft, reason }
}

/**
 * Runs `work` with a copy of the PIN, which is overwritten before its promise settles; without one where there is none.
 * @throws PinError ERR_PIN_FORMAT; nothing was begun then
 */
export async function withPin<Result>(
  secrets: CardSecrets,
  pin: Secret | undefined,
  work: (pin: Uint8Array | undefined) => Promise<Result>,
): Promise<Result> {
  return pin === undefined ? work(undefined) : withSecrets([secrets.bytes(pin, 'PIN')], ([octets]) => work(octets))
}
