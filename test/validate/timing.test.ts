// What reports show of latencies, by numbers that are known.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compare, distributionOf, histogram, percentile } from '../../src/validate/timing/distribution.ts'
import { Random } from '../support/random.ts'
import { normal } from './support/devices.ts'

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

test('percentiles are nearest ranks', () => {
  const sorted = [15, 20, 35, 40, 50]
  assert.equal(
    [0.05, 0.3, 0.4, 0.5, 1].map((share) => percentile(sorted, share)),
    [15, 20, 20, 35, 50],
  )
  const { count, min, p50, p95, p99, max, mean } = distributionOf(upTo(100).reverse())
  assert.equal([count, min, p50, p95, p99, max, mean], [100, 1, 50, 95, 99, 100, 50.5])
})

test('a histogram has every value, and outliers in its last cell', () => {
  const { from, width, counts } = histogram([...upTo(100), 10_000], 10)
  assert.is(from, 1)
  assert.ok(Math.abs(width - 10.395) < 1e-9, `${width}`)
  assert.is(
    counts.reduce((sum, count) => sum + count, 0),
    101,
  )
  assert.ok((counts[9] ?? 0) >= 6)
  assert.equal(histogram([5, 5, 5], 3).counts, [3, 0, 0])
})

test('drift shows, and is not seen where there is none', () => {
  const random = new Random(1)
  const steady = Array.from({ length: 400 }, () => 1000 + 50 * normal(random))
  const { drift, driftChance } = distributionOf(steady)
  assert.ok(Math.abs(drift - 1) < 0.02 && driftChance > 1e-3, `${drift}, ${driftChance}`)
  const rising = distributionOf(steady.map((us, i) => us * (1 + i / 1000)))
  assert.ok(rising.drift > 1.25 && rising.driftChance < 1e-9, `${rising.drift}, ${rising.driftChance}`)
})

test('two ways are told apart', () => {
  const random = new Random(2)
  const times = (median: number) => Array.from({ length: 200 }, () => median + 10 * normal(random))
  assert.ok(compare(times(100), times(100)).p > 1e-3)
  const { ratio, p } = compare(times(110), times(100))
  assert.ok(Math.abs(ratio - 1.1) < 0.03 && p < 1e-9, `${ratio}, ${p}`)
})

test.run()
