// ECDSA: what signatures say of their nonces. With the private key every nonce is known, k = (h + r d) / s; without it
// only repetitions show.
import { ATTACKS } from './attacks.ts'
import { type Curve, ORDERS } from './curves.ts'
import { atLeast, below, byChance, type Figure, info, LATENCY_ALARM } from './figure.ts'
import { bitLength, hammingWeight, inverse, modulo } from './numbers.ts'
import { chiSquaredOf, chiSquaredTail, normalTails } from './probability.ts'
import { spearman } from './ranks.ts'

export interface TimedSignature {
  /** The digest, r and s as numbers. */
  readonly h: bigint
  readonly r: bigint
  readonly s: bigint
  /** How long the device took, in microseconds. */
  readonly us: number
}

/** With fewer signatures not every known case of a leaking latency shows. */
export const SIGNATURES = 2_000
/** The bits at either end of a nonce: 2^8 cells, with at least this many nonces in each, otherwise fewer cells. */
const END_BITS = 8
const IN_A_CELL = 10

export function noncesOf(signatures: readonly TimedSignature[], d: bigint, curve: Curve): bigint[] {
  const n = ORDERS[curve]
  return signatures.map(({ h, r, s }) => modulo(inverse(s, n) * (h + r * d), n))
}

const repeats = (values: readonly bigint[]): number => values.length - new Set(values).size

function endBits(nonces: readonly bigint[], bits: number, where: 'first' | 'last'): Figure {
  const width = Math.max(1, Math.min(END_BITS, Math.floor(Math.log2(nonces.length / IN_A_CELL))))
  const counts = new Array<number>(2 ** width).fill(0)
  const shift = where === 'first' ? BigInt(bits - width) : 0n
  const mask = (1n << BigInt(width)) - 1n
  for (const k of nonces) {
    const cell = Number((k >> shift) & mask)
    counts[cell] = (counts[cell] ?? 0) + 1
  }
  const chi = chiSquaredOf(counts)
  const name = `${where} ${width} bits of the nonces (chi squared, ${counts.length - 1})`
  return byChance(name, chi, chiSquaredTail(chi, counts.length - 1), ATTACKS.ladderLeak)
}

function mostBiasedBit(nonces: readonly bigint[], bits: number): Figure {
  const ones = new Array<number>(bits).fill(0)
  for (const k of nonces) {
    const digits = k.toString(2).padStart(bits, '0')
    for (let at = 0; at < bits; at += 1) if (digits[at] === '1') ones[at] = (ones[at] ?? 0) + 1
  }
  const worst = Math.max(...ones.map((count) => Math.abs(2 * count - nonces.length) / Math.sqrt(nonces.length)))
  return byChance(
    'most biased bit of the nonces (z)',
    worst,
    Math.min(1, normalTails(worst) * bits),
    ATTACKS.ladderLeak,
  )
}

function latency(
  what: string,
  of: readonly number[],
  us: readonly number[],
  attack: (typeof ATTACKS)['minerva' | 'timing'],
) {
  const { rho, p } = spearman(of, us)
  return byChance(`latency against ${what} (Spearman)`, rho, p, attack, LATENCY_ALARM)
}

/** All figures over signatures by a key that is known. At least 20 of them. */
export function nonceFigures(signatures: readonly TimedSignature[], d: bigint, curve: Curve): Figure[] {
  const n = ORDERS[curve]
  const bits = bitLength(n)
  const nonces = noncesOf(signatures, d, curve)
  const steps = nonces.slice(1).map((k, i) => modulo(k - (nonces[i] ?? 0n), n))
  const lengths = nonces.map(bitLength)
  const us = signatures.map((signature) => signature.us)
  const inverses = nonces.map((k) => inverse(k, n))
  const short = Math.floor(bits - Math.log2(nonces.length) - 20)
  return [
    below('nonces seen before', repeats(nonces), 1, 1e-30, ATTACKS.repeatedNonce),
    below('steps from nonce to nonce seen before', repeats(steps), 1, 1e-30, ATTACKS.linearNonce),
    atLeast('bits of the shortest nonce', Math.min(...lengths), short, 1e-6, ATTACKS.lattice),
    endBits(nonces, bits, 'first'),
    endBits(nonces, bits, 'last'),
    mostBiasedBit(nonces, bits),
    latency('the bit length of the nonce', lengths, us, ATTACKS.minerva),
    latency('the Hamming weight of the nonce', nonces.map(hammingWeight), us, ATTACKS.timing),
    latency('the Hamming weight of its inverse', inverses.map(hammingWeight), us, ATTACKS.timing),
  ]
}

/** What shows without the key. A leaking latency does not. */
export function signatureFigures(signatures: readonly TimedSignature[], curve: Curve): Figure[] {
  const n = ORDERS[curve]
  const bits = bitLength(n)
  const us = signatures.map((signature) => signature.us)
  const r = signatures.map((signature) => signature.r)
  const s = signatures.map((signature) => signature.s)
  const low = s.filter((value) => value <= n / 2n).length / s.length
  return [
    below('r seen before', repeats(r), 1, 1e-30, ATTACKS.repeatedNonce),
    below('s seen before', repeats(s), 1, 1e-30, ATTACKS.repeatedNonce),
    endBits(r, bits, 'last'),
    info(
      'share of signatures with s in the lower half',
      low,
      'about 0.5, or 1 where the device always chooses the lower s',
    ),
    latency('the bit length of r', r.map(bitLength), us, ATTACKS.timing),
    latency('the bit length of s', s.map(bitLength), us, ATTACKS.timing),
  ]
}
