// takes: 5 s
// The figures over random numbers, RSA keys and signatures: by vectors of their documents, and by devices that are wrong
// on purpose. All numbers come from fixed seeds.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat } from '../../src/bytes.ts'
import { ORDERS } from '../../src/validate/quality/curves.ts'
import { type Figure, falseAlarmOf } from '../../src/validate/quality/figure.ts'
import { nonceFigures, noncesOf, signatureFigures } from '../../src/validate/quality/nonces.ts'
import { gcd, inverse, modulo, squareRoot } from '../../src/validate/quality/numbers.ts'
import { binomialTail, chiSquaredTail, normalTails } from '../../src/validate/quality/probability.ts'
import {
  commonValueEntropy,
  greatestProportion,
  longestRepetition,
  markovEntropy,
  monobit,
  proportionCutoff,
  randomFigures,
  repetitionCutoff,
  runsTest,
} from '../../src/validate/quality/random.ts'
import { mannWhitney, ranks, spearman } from '../../src/validate/quality/ranks.ts'
import { hasRocaFingerprint, ROCA_FALSE_ALARM } from '../../src/validate/quality/roca.ts'
import { fallsToFermat, primeFigures, rsaFigures, withCommonFactors } from '../../src/validate/quality/rsa.ts'
import { Random } from '../support/random.ts'
import { HONEST, numberBelow, primeNear, rOf, rocaPrime, signaturesOf, WRONG } from './support/devices.ts'

const near = (actual: number, expected: number, digits = 6): void =>
  assert.ok(Math.abs(actual - expected) < 0.5 * 10 ** -digits, `${actual} is not ${expected}`)
const failing = (figures: readonly Figure[]): string[] =>
  figures.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name)
const attacks = (figures: readonly Figure[]): string[] => [
  ...new Set(figures.flatMap(({ verdict, attack }) => (verdict === 'fail' && attack ? [attack.name] : []))),
]

test('tail probabilities are those of the tables', () => {
  near(normalTails(1.959963985), 0.05)
  near(normalTails(4.417173413), 1e-5, 9)
  near(chiSquaredTail(3.841458821, 1), 0.05)
  near(chiSquaredTail(24.99579014, 15), 0.05)
  near(chiSquaredTail(310.457388, 255), 0.01)
  near(binomialTail(3, 5, 0.5), 0.5)
  near(binomialTail(10, 10, 0.5), 2 ** -10, 12)
})

test('ranks, their correlation and their difference', () => {
  assert.equal(ranks([30, 10, 20, 20]), [3, 0, 1.5, 1.5])
  // Ten pupils, intelligence against hours of television: rho is -29/165.
  const intelligence = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
  near(spearman(intelligence, [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]).rho, -29 / 165)
  assert.is(spearman([1, 1, 1], [1, 2, 3]).p, 1)
  // 1 to 5 against 6 to 10: U is 0, mean 12.5, variance 275/12.
  near(mannWhitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]).z, -12.5 / Math.sqrt(275 / 12))
  assert.is(mannWhitney([], [1]).p, 1)
})

test('random numbers: the examples of SP 800-22 and SP 800-90B', () => {
  // SP 800-22, 2.1.8 and 2.3.8: the first 100 binary digits of pi have 42 ones and 52 runs.
  near(monobit({ count: 100, ones: 42 }).p, 0.109599)
  near(runsTest({ count: 100, ones: 42, runs: 52 }).p, 0.500798)
  // SP 800-90B, 6.3.1: of 20 samples with 3 values the most common occurs 8 times.
  near(commonValueEntropy([6, 6, 8]), 0.5363, 4)
  // SP 800-90B, 4.4.1: H = 2 and alpha = 2^-20 give 11.
  assert.is(repetitionCutoff(2, 2 ** -20), 11)
  for (const entropy of [1, 4, 8]) {
    const cutoff = proportionCutoff(entropy, 512, 2 ** -20)
    assert.ok(binomialTail(cutoff, 512, 2 ** -entropy) <= 2 ** -20, `${entropy}`)
    assert.ok(binomialTail(cutoff - 1, 512, 2 ** -entropy) > 2 ** -20, `${entropy}`)
  }
  assert.is(longestRepetition(Uint8Array.of(1, 2, 2, 2, 3)), 3)
  assert.is(greatestProportion(Uint8Array.of(7, 1, 7, 7, 9, 9, 1, 1), 4), 3)
  near(markovEntropy({ count: 128, ones: 64, pairs: [32, 32, 32, 32] }), 1)
})

test('a good generator passes 20 of 20 times', () => {
  for (let seed = 1; seed <= 20; seed += 1) assert.equal(failing(randomFigures(new Random(seed).octets(16_384))), [])
  assert.ok(falseAlarmOf(randomFigures(new Random(1).octets(16_384))) < 1e-4)
})

const GENERATORS = {
  'monobit: ones against zeros (z)': (random) =>
    random.octets(16_384).map((octet, at) => (at % 16 === 0 ? octet | 15 : octet)),
  'runs of equal bits (z)': (random) => random.octets(16_384).map((octet, at) => (at % 20 === 0 ? 0x55 : octet)),
  'poker: groups of 4 bits (chi squared, 15)': (random) =>
    random.octets(16_384).map((octet, at) => (at % 20 === 0 ? 0x96 : octet)),
  'octets (chi squared, 255)': (random) => random.octets(16_384).map((octet) => (octet === 0x4b ? 0x4c : octet)),
  'longest run of equal bits': (random) => concat(random.octets(8_192), new Uint8Array(5), random.octets(8_187)),
  'repetition count': (random) => concat(random.octets(8_192), new Uint8Array(6).fill(0x5a), random.octets(8_186)),
  'adaptive proportion': (random) =>
    random.octets(16_384).map((octet, at) => (at < 512 && at % 16 === 0 ? 0x5a : octet)),
  'sequences of 8 octets seen before': (random) => {
    const part = random.octets(4_096)
    return concat(part, random.octets(8_192), part)
  },
  'entropy of an octet, most common value (bits)': (random) =>
    random.octets(16_384).map((octet, at) => (at % 50 === 0 ? 0x5a : octet)),
  'entropy of a bit, Markov (bits)': (random) =>
    random.octets(16_384).map((octet, at) => (at % 6 === 0 ? 0x55 : octet)),
} as const satisfies Record<string, (random: Random) => Uint8Array>

for (const [name, generator] of Object.entries(GENERATORS)) {
  test(`a bad generator is found by: ${name}`, () => {
    const found = failing(randomFigures(generator(new Random(7))))
    assert.ok(found.includes(name), `found: ${found.join('; ')}`)
  })
}

const M = [
  2n,
  3n,
  5n,
  7n,
  11n,
  13n,
  17n,
  19n,
  23n,
  29n,
  31n,
  37n,
  41n,
  43n,
  47n,
  53n,
  59n,
  61n,
  67n,
  71n,
  73n,
  79n,
  83n,
  89n,
  97n,
  101n,
  103n,
  107n,
  109n,
  113n,
  127n,
  131n,
  137n,
  139n,
  149n,
  151n,
  157n,
  163n,
  167n,
]

test('large numbers', () => {
  assert.is(gcd(48n, 180n), 12n)
  assert.is(modulo(-1n, 7n), 6n)
  assert.equal([inverse(3n, 7n), inverse(2n, 4n)], [5n, 0n])
  for (const n of [0n, 1n, 15n, 16n, 17n, (1n << 200n) - 1n]) {
    const root = squareRoot(n)
    assert.ok(root * root <= n && (root + 1n) * (root + 1n) > n, `${n}`)
  }
})

const prime = (random: Random, bits = 256): bigint =>
  primeNear((3n << BigInt(bits - 2)) | numberBelow(random, 1n << BigInt(bits - 2)) | 1n)

test('RSA: the fingerprint of ROCA', () => {
  near(Math.log2(ROCA_FALSE_ALARM), -27.8, 1)
  const random = new Random(3)
  const weak = rocaPrime(random, M) * rocaPrime(random, M)
  assert.ok(hasRocaFingerprint(weak))
  const figures = rsaFigures([weak])
  assert.equal(failing(figures), ['keys with the fingerprint of ROCA'])
  assert.equal(attacks(figures), ['ROCA (CVE-2017-15361)'])
  assert.not(hasRocaFingerprint(prime(random) * prime(random)))
})

test('RSA: primes that are close, in common, or short', () => {
  const random = new Random(4)
  const [p, q, other] = [prime(random), prime(random), prime(random)]
  const close = p * primeNear(p + 2n ** 100n)
  assert.ok(fallsToFermat(close))
  assert.equal(failing(rsaFigures([close])), ['keys whose primes are close together'])
  assert.is(withCommonFactors([p * q, q * other, prime(random) * prime(random)]), 2)
  assert.is(withCommonFactors([p * q, p * q]), 2)
  assert.equal(failing(primeFigures(p, q)), [])
  assert.equal(failing(primeFigures(p, primeNear(p + 2n ** 100n))), ['bits of the difference of the primes'])
  assert.equal(failing(primeFigures(prime(random, 250), prime(random, 262))), ['bits of the smaller prime'])
})

test('RSA: the bits of many moduli', () => {
  const random = new Random(5)
  // Products of odd numbers: their bits are those of products of primes, and they cost nothing.
  const odd = () => (3n << 254n) | numberBelow(random, 1n << 254n) | 1n
  for (let run = 0; run < 20; run += 1) {
    const moduli = Array.from({ length: 50 }, () => odd() * odd())
    const figures = rsaFigures(moduli).filter(({ name }) => name.includes('moduli'))
    assert.equal(failing(figures), [])
    assert.is(figures.length, 3)
    const stuck = failing(rsaFigures(moduli.map((modulus) => modulus | (1n << 300n))))
    assert.ok(stuck.includes('most biased bit of the moduli (z)'), stuck.join())
  }
})

const N = ORDERS['P-256']

test('ECDSA: the nonces are computed from the key', () => {
  const random = new Random(6)
  for (const curve of ['P-256', 'P-384'] as const) {
    const [d, k, h] = [1, 2, 3].map(() => numberBelow(random, ORDERS[curve])) as [bigint, bigint, bigint]
    const r = rOf(k, curve)
    const s = modulo(inverse(k, ORDERS[curve]) * (h + r * d), ORDERS[curve])
    assert.equal(noncesOf([{ h, r, s, us: 0 }], d, curve), [k])
  }
})

test('ECDSA: an honest device passes 20 of 20 times, with its key known or not', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = new Random(seed)
    const d = numberBelow(random, N)
    const signatures = signaturesOf(HONEST, d, 150, random)
    assert.equal(failing(nonceFigures(signatures, d, 'P-256')), [])
    assert.equal(failing(signatureFigures(signatures, 'P-256')), [])
  }
})

const FOUND: Readonly<Record<keyof typeof WRONG, readonly [figure: RegExp, attack: string]>> = {
  'the first bit is 0 three times as often': [/^first 6 bits/, 'LadderLeak'],
  'the last 4 bits are 0 in one of ten': [/^last 6 bits/, 'LadderLeak'],
  'one bit in the middle is stuck': [/^most biased bit/, 'LadderLeak'],
  'nonces of 160 bits': [/^bits of the shortest/, 'Lattice attack on short nonces'],
  'a nonce again after 300': [/^nonces seen before/, 'Repeated nonce'],
  'nonces that count': [/^steps/, 'Linear nonces'],
  'latency by bit length': [/^latency against the bit length/, 'Minerva'],
  'latency by Hamming weight': [/^latency against the Hamming weight of the nonce/, 'Timing attack'],
}
for (const [name, device] of Object.entries(WRONG)) {
  test(`ECDSA: a device is found where ${name}`, () => {
    const random = new Random(11)
    const d = numberBelow(random, N)
    const figures = nonceFigures(signaturesOf(device, d, 640, random), d, 'P-256')
    const [figure, attack] = FOUND[name as keyof typeof WRONG]
    assert.ok(
      failing(figures).some((failed) => figure.test(failed)),
      failing(figures).join('; '),
    )
    assert.ok(
      attacks(figures).some((named) => named.startsWith(attack)),
      attacks(figures).join('; '),
    )
  })
}

test('ECDSA: a repeated nonce shows without the key', () => {
  const random = new Random(12)
  const d = numberBelow(random, N)
  const figures = signatureFigures(signaturesOf(WRONG['a nonce again after 300'], d, 700, random), 'P-256')
  assert.equal(failing(figures), ['r seen before'])
})

test.run()
