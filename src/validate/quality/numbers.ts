// Arithmetic on large numbers. Not in constant time: for keys that were made to be tested.

export const toNumber = (octets: Uint8Array): bigint => BigInt(`0x${Buffer.from(octets).toString('hex') || '0'}`)

export const bitLength = (n: bigint): number => (n === 0n ? 0 : n.toString(2).length)

export function hammingWeight(n: bigint): number {
  let weight = 0
  for (const digit of n.toString(2)) if (digit === '1') weight += 1
  return weight
}

export const modulo = (n: bigint, modulus: bigint): bigint => ((n % modulus) + modulus) % modulus

/** The inverse of `n`; 0 where there is none. */
export function inverse(n: bigint, modulus: bigint): bigint {
  let [a, b] = [modulo(n, modulus), modulus]
  let [x, y] = [1n, 0n]
  while (b > 0n) {
    const q = a / b
    ;[a, b] = [b, a - q * b]
    ;[x, y] = [y, x - q * y]
  }
  return a === 1n ? modulo(x, modulus) : 0n
}

export function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b]
  while (y > 0n) [x, y] = [y, x % y]
  return x
}

/** The integer part of the square root. */
export function squareRoot(n: bigint): bigint {
  if (n < 2n) return n
  let x = 1n << BigInt((bitLength(n) + 1) >> 1)
  for (;;) {
    const y = (x + n / x) >> 1n
    if (y >= x) return x
    x = y
  }
}
