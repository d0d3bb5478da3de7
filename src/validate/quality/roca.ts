// The fingerprint of RSA keys that Infineon's library made (CVE-2017-15361): each prime is k * M + (65537^a mod M), where
// M is the product of the first primes, so the modulus is a power of 65537 modulo each of them.
// Nemec et al., The Return of Coppersmith's Attack, CCS 2017, section 2.4.

const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
]

/** For each prime the powers of 65537. */
const GROUPS = PRIMES.map((prime) => {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power)
  return { prime, powers }
})

/** How likely the modulus of another library has the fingerprint. */
export const ROCA_FALSE_ALARM = GROUPS.reduce((chance, { prime, powers }) => (chance * powers.size) / (prime - 1), 1)

export const hasRocaFingerprint = (modulus: bigint): boolean =>
  GROUPS.every(({ prime, powers }) => powers.has(Number(modulus % BigInt(prime))))
