// PINs that an attacker guesses first. A card accepts them all the same, since it counts wrong tries, and people are warned;
// unless it was made with rules for new PINs.
import { PinError } from '../errors.ts'
import { DEFAULT_PIN } from './pin.ts'

/** The defaults of YubiKeys and other PIV cards. */
const KNOWN = [DEFAULT_PIN, '123456', '654321', '000000', '00000000']
const TEN = 10

export type PinWeakness = 'known' | 'run' | 'repeated'

/** Why a PIN is easy to guess; undefined where no rule applies. The octets are only read, never kept. */
export function pinWeakness(pin: Uint8Array): PinWeakness | undefined {
  const isKnown = KNOWN.some(
    (one) => one.length === pin.length && pin.every((octet, at) => octet === one.charCodeAt(at)),
  )
  if (isKnown) return 'known'
  // 345678, 987654, 246802: a constant step between digits; 000000 has none.
  const steps = new Set<number>()
  for (let at = 1; at < pin.length; at += 1) steps.add(((pin[at] ?? 0) - (pin[at - 1] ?? 0) + 256 * TEN) % TEN)
  if (steps.size === 1) return steps.has(0) ? 'repeated' : 'run'
  // 121212, 123123, and 11112222, which has only two digits.
  for (let period = 2; period <= pin.length / 2; period += 1)
    if (pin.every((octet, at) => at < period || octet === pin[at - period])) return 'repeated'
  return new Set(pin).size <= 2 ? 'repeated' : undefined
}

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
