/** Plots as SVG: how often something took how long. */
import { escaped } from './escape.ts'
import type { Distribution } from './timing/distribution.ts'

const [WIDTH, HEIGHT, AXIS] = [640, 160, 30]

/** Microseconds in the unit in which a person reads them. */
export const duration = (microseconds: number): string =>
  microseconds >= 1000 ? `${(microseconds / 1000).toPrecision(3)} ms` : `${microseconds.toPrecision(3)} us`

export function histogramPlot(name: string, { histogram, p50, p95, p99, count, drift }: Distribution): string {
  const { from, width, counts } = histogram
  const most = Math.max(1, ...counts)
  const cell = WIDTH / Math.max(1, counts.length)
  const bars = counts.map((count_, at) => {
    const height = (count_ / most) * (HEIGHT - AXIS)
    return `<rect x="${(at * cell).toFixed(1)}" y="${(HEIGHT - AXIS - height).toFixed(1)}" width="${(cell * 0.9).toFixed(1)}" height="${height.toFixed(1)}"/>`
  })
  const title = `${name}: ${count} times, p50 ${duration(p50)}, p95 ${duration(p95)}, p99 ${duration(p99)}, drift ${drift.toFixed(2)}`
  const to = from + width * counts.length
  return `<figure><figcaption>${escaped(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">${bars.join('')}<text x="0" y="${HEIGHT - 10}">${duration(from)}</text><text x="${WIDTH}" y="${HEIGHT - 10}" text-anchor="end">${duration(to)}</text></svg></figure>`
}
