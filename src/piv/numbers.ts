// Arithmetic on secret numbers, as octets with the highest first: these can be overwritten, a BigInt cannot.
import { space, wipe } from '../bytes.ts'

/** The public exponent of every RSA key here; it is prime. */
const F4 = 65537

/** a · b, as long as both together. */
export function multiply(a: Uint8Array, b: Uint8Array): Uint8Array {
  const product = space(a.length + b.length)
  for (let i = a.length - 1; i >= 0; i -= 1) {
    let carry = 0
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const sum = (a[i] ?? 0) * (b[j] ?? 0) + (product[i + j + 1] ?? 0) + carry
      product[i + j + 1] = sum & 0xff
      carry = sum >>> 8
    }
    product[i] = carry
  }
  return product
}

/** a - b, as long as a; undefined where b is greater. */
export function subtract(a: Uint8Array, b: Uint8Array): Uint8Array | undefined {
  const difference = space(a.length)
  let borrow = 0
  for (let back = 1; back <= Math.max(a.length, b.length); back += 1) {
    const rest = (a.at(-back) ?? 0) - (b.at(-back) ?? 0) - borrow
    borrow = rest < 0 ? 1 : 0
    if (back <= a.length) difference[a.length - back] = rest & 0xff
  }
  if (borrow === 0) return difference
  wipe(difference)
  return undefined
}

/** number mod modulus, as long as the modulus, bit by bit. */
export function remainder(number: Uint8Array, modulus: Uint8Array): Uint8Array {
  let rest = space(modulus.length + 1)
  for (let bit = 0; bit < number.length * 8; bit += 1) {
    let carry = ((number[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1
    for (let at = rest.length - 1; at >= 0; at -= 1) {
      const doubled = ((rest[at] ?? 0) << 1) | carry
      rest[at] = doubled & 0xff
      carry = doubled >> 8
    }
    const less = subtract(rest, modulus)
    if (less === undefined) continue
    wipe(rest)
    rest = less
  }
  return rest.subarray(1)
}

/** number mod 65537. */
const smallRemainder = (number: Uint8Array): number => number.reduce((rest, octet) => (rest * 256 + octet) % F4, 0)

/** 1 / number mod 65537, by Fermat: the power of 65535. */
function smallInverse(number: number): number {
  let [result, square] = [1, number]
  for (let rest = F4 - 2; rest > 0; rest >>>= 1) {
    if (rest & 1) result = (result * square) % F4
    square = (square * square) % F4
  }
  return result
}

/**
 * 1 / 65537 mod modulus, as long as the modulus; undefined where there is none. It is the d of 65537 · d = 1 + k · modulus,
 * and k is known from the remainder of the modulus alone: what is left is a multiplication and a division by small numbers.
 */
export function inverseOfF4(modulus: Uint8Array): Uint8Array | undefined {
  const rest = smallRemainder(modulus)
  if (rest === 0) return undefined
  const k = F4 - smallInverse(rest)
  const product = space(modulus.length + 3)
  let carry = 1
  for (let at = product.length - 1; at >= 0; at -= 1) {
    carry += k * (modulus[at - 3] ?? 0)
    product[at] = carry & 0xff
    carry = Math.floor(carry / 256)
  }
  const quotient = space(product.length)
  let left = 0
  for (const [at, octet] of product.entries()) {
    left = left * 256 + octet
    quotient[at] = Math.floor(left / F4)
    left %= F4
  }
  const inverse = quotient.slice(3)
  wipe(product, quotient)
  return inverse
}
