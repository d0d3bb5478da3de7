// Why a PIN is easy to guess. The page of `tessera web` says so while the PIN is typed: hence no import.

/** The defaults of this and other PIV cards. */
const KNOWN = ['12345678', '123456', '654321', '000000', '00000000']
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
