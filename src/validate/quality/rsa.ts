// RSA keys: what their moduli show, and their primes where a key can be exported.
import { ATTACKS } from './attacks.ts'
import { atLeast, below, byChance, type Figure, info } from './figure.ts'
import { bitLength, gcd, squareRoot } from './numbers.ts'
import { chiSquaredTail, normalTails } from './probability.ts'
import { hasRocaFingerprint, ROCA_FALSE_ALARM } from './roca.ts'

/** Steps of Fermat's method: enough for primes whose difference is some hundred times the fourth root of the modulus. */
const FERMAT_STEPS = 100
/** With fewer keys the bits of moduli say nothing. */
export const MODULI_FOR_PATTERNS = 20
/** The first bits of a product of two primes are not uniform, and the last is 1. */
const TOP_BITS = 8

/** Whether Fermat's method finds the factors soon. */
export function fallsToFermat(modulus: bigint): boolean {
  let a = squareRoot(modulus)
  if (a * a < modulus) a += 1n
  for (let step = 0; step < FERMAT_STEPS; step += 1, a += 1n) {
    const square = a * a - modulus
    const root = squareRoot(square)
    if (root * root === square) return true
  }
  return false
}

/** How many moduli have a prime in common with another one, or are equal to another one. */
export function withCommonFactors(moduli: readonly bigint[]): number {
  const product = moduli.reduce((all, modulus) => all * modulus, 1n)
  return moduli.filter((modulus) => gcd(modulus, (product % (modulus * modulus)) / modulus) > 1n).length
}

/** Ones at each bit of the moduli, without those that are fixed. */
function bitCounts(moduli: readonly bigint[], bits: number): number[] {
  const counts = new Array<number>(bits - TOP_BITS - 1).fill(0)
  for (const modulus of moduli) {
    const digits = modulus.toString(2).padStart(bits, '0')
    for (let at = 0; at < counts.length; at += 1) if (digits[TOP_BITS + at] === '1') counts[at] = (counts[at] ?? 0) + 1
  }
  return counts
}

function patterns(moduli: readonly bigint[]): Figure[] {
  const n = moduli.length
  const bits = bitLength(moduli[0] ?? 0n)
  if (n < MODULI_FOR_PATTERNS || moduli.some((modulus) => bitLength(modulus) !== bits)) return []
  const z = bitCounts(moduli, bits).map((ones) => (2 * ones - n) / Math.sqrt(n))
  const all = z.reduce((sum, one) => sum + one * one, 0)
  const worst = Math.max(...z.map(Math.abs))
  return [
    byChance('bits of the moduli (chi squared)', all, chiSquaredTail(all, z.length), ATTACKS.guessing),
    byChance('most biased bit of the moduli (z)', worst, Math.min(1, normalTails(worst) * z.length), ATTACKS.guessing),
    info(
      'share of moduli that are 2 modulo 3',
      moduli.filter((modulus) => modulus % 3n === 2n).length / n,
      'about 0.5; far from it, the method of making primes shows in every key',
    ),
  ]
}

/** All figures over the public keys that a device made. */
export function rsaFigures(moduli: readonly bigint[]): Figure[] {
  if (moduli.length === 0) return []
  return [
    below(
      'keys with the fingerprint of ROCA',
      moduli.filter(hasRocaFingerprint).length,
      1,
      moduli.length * ROCA_FALSE_ALARM,
      ATTACKS.roca,
    ),
    below('keys whose primes are close together', moduli.filter(fallsToFermat).length, 1, 1e-30, ATTACKS.fermat),
    below('keys with a prime in common', withCommonFactors(moduli), 1, 1e-30, ATTACKS.sharedFactor),
    ...patterns(moduli),
  ]
}

/** Figures over the primes of one key: FIPS 186-5, A.1.1. */
export function primeFigures(p: bigint, q: bigint): Figure[] {
  const half = bitLength(p * q) / 2
  const apart = bitLength(p > q ? p - q : q - p)
  const shorter = Math.min(bitLength(p), bitLength(q))
  return [
    atLeast('bits of the difference of the primes', apart, half - 99, 2 ** -98, ATTACKS.fermat),
    atLeast('bits of the smaller prime', shorter, half, 1e-30, ATTACKS.guessing),
  ]
}
