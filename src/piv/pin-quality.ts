// PINs that an attacker guesses first. A card accepts them all the same, since it counts wrong tries, and people are warned;
// unless it was made with rules for new PINs.
import { PinError } from '../errors.ts'
import { type PinWeakness, pinWeakness } from './pin-weakness.ts'

/** What a card asks of a new PIN, beyond 6 to 8 digits. */
export interface PinRules {
  /** 6 to 8. */
  readonly minLength: number
  /** Whether a PIN that is easy to guess is refused. */
  readonly refuseWeak: boolean
}

const WEAKNESSES: Readonly<Record<PinWeakness, string>> = {
  known: 'This PIN is one that everybody tries first',
  run: 'The digits of this PIN follow each other',
  repeated: 'This PIN repeats a few digits',
}

/** Refuses a new PIN that breaks the rules of its card; nothing is kept of it. @throws PinError ERR_PIN_FORMAT */
export function checkNewPin(pin: Uint8Array, rules: PinRules | undefined): void {
  if (rules === undefined) return
  const { minLength, refuseWeak } = rules
  if (pin.length < minLength) throw refusedPin(`A new PIN for this card needs at least ${minLength} digits`)
  const weakness = refuseWeak ? pinWeakness(pin) : undefined
  if (weakness !== undefined) throw refusedPin(`${WEAKNESSES[weakness]}, which this card refuses`)
}

const refusedPin = (why: string): PinError =>
  new PinError('ERR_PIN_FORMAT', `${why}. Nothing was changed: choose another PIN.`)
