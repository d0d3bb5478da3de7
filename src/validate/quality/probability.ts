// Tail probabilities: how likely an honest source gives a figure as bad as the one measured.

/** Lanczos' approximation, g = 7, with 15 digits. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/** ln of the gamma function, for x > 0.5. */
export function lnGamma(x: number): number {
  const t = x + 6.5
  const sum = LANCZOS.reduce((total, coefficient, i) => total + (i === 0 ? coefficient : coefficient / (x - 1 + i)), 0)
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}

/** The upper regularised incomplete gamma function Q(a, x), by series or continued fraction. */
function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1
  const scale = Math.exp(a * Math.log(x) - x - lnGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let sum = term
    for (let n = 1; n < 10_000 && term > sum * 1e-16; n += 1) {
      term *= x / (a + n)
      sum += term
    }
    return 1 - sum * scale
  }
  // Lentz's method
  let b = x + 1 - a
  let c = 1e300
  let d = 1 / b
  let value = d
  for (let i = 1; i < 10_000; i += 1) {
    const an = -i * (i - a)
    b += 2
    d = 1 / (an * d + b)
    c = b + an / c
    value *= c * d
    if (Math.abs(c * d - 1) < 1e-15) break
  }
  return value * scale
}

/** The chance that chi squared with `degrees` of freedom is at least `value`. */
export const chiSquaredTail = (value: number, degrees: number): number => upperGamma(degrees / 2, value / 2)

/** The chance that a standard normal value is at least as far from 0 as `z`, on either side. */
export const normalTails = (z: number): number => upperGamma(0.5, (z * z) / 2)

/** The chance of at least `least` successes in `trials` of chance `p` each. */
export function binomialTail(least: number, trials: number, p: number): number {
  let sum = 0
  for (let k = Math.max(0, least); k <= trials; k += 1) {
    const lnChoose = lnGamma(trials + 1) - lnGamma(k + 1) - lnGamma(trials - k + 1)
    sum += Math.exp(lnChoose + k * Math.log(p) + (trials - k) * Math.log1p(-p))
  }
  return Math.min(1, sum)
}

/** Chi squared of counts that should be equal. */
export function chiSquaredOf(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const expected = total / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}
