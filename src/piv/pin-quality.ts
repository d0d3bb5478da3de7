// PINs that somebody who guesses tries first. A card takes them all the same: it counts wrong tries, and people are warned.
import { DEFAULT_PIN } from './pin.ts'

/** What yubikeys and other PIV cards come with. */
const KNOWN = [DEFAULT_PIN, '123456', '654321', '000000', '00000000']
const TEN = 10

export type PinWeakness = 'known' | 'run' | 'repeated'

/** Why a PIN is easy to guess; undefined where this knows nothing against it. The octets are looked at, never kept. */
export function pinWeakness(pin: Uint8Array): PinWeakness | undefined {
  const isKnown = KNOWN.some(
    (one) => one.length === pin.length && pin.every((octet, at) => octet === one.charCodeAt(at)),
  )
  if (isKnown) return 'known'
  // 345678, 987654, 246802: each digit is as far from the one before it; 000000 is no step at all.
  const steps = new Set<number>()
  for (let at = 1; at < pin.length; at += 1) steps.add(((pin[at] ?? 0) - (pin[at - 1] ?? 0) + 256 * TEN) % TEN)
  if (steps.size === 1) return steps.has(0) ? 'repeated' : 'run'
  // 121212, 123123, 11112222 has two digits alone.
  for (let period = 2; period <= pin.length / 2; period += 1)
    if (pin.every((octet, at) => at < period || octet === pin[at - period])) return 'repeated'
  return new Set(pin).size <= 2 ? 'repeated' : undefined
}
