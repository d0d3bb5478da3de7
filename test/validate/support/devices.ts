// Devices that are right and devices that are wrong on purpose, as numbers from a seed.
import { createECDH } from 'node:crypto'
import { type Curve, ORDERS } from '../../../src/validate/quality/curves.ts'
import type { TimedSignature } from '../../../src/validate/quality/nonces.ts'
import { bitLength, inverse, modulo, toNumber } from '../../../src/validate/quality/numbers.ts'
import type { Random } from '../../support/random.ts'

export const numberBelow = (random: Random, n: bigint): bigint =>
  modulo(toNumber(random.octets(Math.ceil(bitLength(n) / 8) + 8)), n - 1n) + 1n

/** A standard normal value: Box and Muller. */
export function normal(random: Random): number {
  const [u, v] = [(random.next() + 1) / 2 ** 32, random.next() / 2 ** 32]
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v)
}

export interface Device {
  /** The nonce of the signature with this number. */
  readonly nonce: (random: Random, at: number) => bigint
  /** Microseconds, by the nonce. */
  readonly latency: (random: Random, nonce: bigint) => number
}

const N = ORDERS['P-256']
const steady = (random: Random): number => 30_000 + 700 * normal(random)

export const HONEST: Device = { nonce: (random) => numberBelow(random, N), latency: steady }

/** Each is wrong in one way. */
export const WRONG = {
  'the first bit is 0 three times as often': {
    ...HONEST,
    nonce: (random) => {
      const k = numberBelow(random, N)
      return random.chance(2) ? k & ((1n << 255n) - 1n) : k
    },
  },
  'the last 4 bits are 0 in one of ten': {
    ...HONEST,
    nonce: (random) => {
      const k = numberBelow(random, N)
      return random.chance(10) ? (k >> 4n) << 4n : k
    },
  },
  'one bit in the middle is stuck': { ...HONEST, nonce: (random) => numberBelow(random, N) | (1n << 100n) },
  'nonces of 160 bits': { ...HONEST, nonce: (random) => numberBelow(random, 1n << 160n) },
  'a nonce again after 300': {
    ...HONEST,
    nonce: (random, at) => (at % 300 === 299 ? 0x123456789n ** 7n : numberBelow(random, N)),
  },
  'nonces that count': {
    ...HONEST,
    nonce: (_, at) => modulo(0x9e3779b97f4a7c15n ** 4n + BigInt(at) * 0x517cc1b727220a95n ** 4n, N),
  },
  // As the card of Athena in the data of Minerva: 370 us a bit, with a standard deviation of 700 us.
  'latency by bit length': {
    ...HONEST,
    latency: (random, k) => 139_000 - 370 * (256 - bitLength(k)) + 700 * normal(random),
  },
  'latency by Hamming weight': {
    ...HONEST,
    latency: (random, k) => steady(random) + 20 * [...k.toString(2)].filter((digit) => digit === '1').length,
  },
} as const satisfies Record<string, Device>

/** The number of the point k G, r, without a curve of our own. */
export function rOf(k: bigint, curve: Curve): bigint {
  const octets = curve === 'P-256' ? 32 : 48
  const ecdh = createECDH(curve === 'P-256' ? 'prime256v1' : 'secp384r1')
  ecdh.setPrivateKey(k.toString(16).padStart(octets * 2, '0'), 'hex')
  return modulo(toNumber(ecdh.getPublicKey().subarray(1, 1 + octets)), ORDERS[curve])
}

/**
 * Signatures of a device. `r` is a number that follows from the nonce, as the point does, but is made faster: what is
 * tested does not depend on the curve.
 */
export function signaturesOf(device: Device, d: bigint, count: number, random: Random): TimedSignature[] {
  return Array.from({ length: count }, (_, at) => {
    const k = device.nonce(random, at)
    const h = numberBelow(random, N)
    const r = modulo(k * k * 0xb5297a4d3f84d5b5n ** 4n + 1n, N)
    return { h, r, s: modulo(inverse(k, N) * (h + r * d), N), us: device.latency(random, k) }
  })
}

/** A prime of `bits` bits with its first two bits set; `from` says what kind. */
export function primeNear(start: bigint, step = 2n): bigint {
  let candidate = start
  while (!isPrime(candidate)) candidate += step
  return candidate
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, b] = [1n, base % modulus]
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * b) % modulus
    b = (b * b) % modulus
  }
  return result
}

/** Fermat's test: enough for numbers that nobody chose. */
const isPrime = (n: bigint): boolean =>
  [3n, 5n, 7n, 11n, 13n].every((small) => n % small !== 0n) && power(2n, n - 1n, n) === 1n

/** A prime as Infineon's library made them: k M + (65537^a mod M), for 512 bits. */
export function rocaPrime(random: Random, firstPrimes: readonly bigint[]): bigint {
  const m = firstPrimes.reduce((product, prime) => product * prime, 1n)
  const residue = power(65537n, numberBelow(random, 1n << 60n), m)
  const k = (3n << 510n) / m + numberBelow(random, 1n << 290n)
  return primeNear(k * m + residue, m)
}
