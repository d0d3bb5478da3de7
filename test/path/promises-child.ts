// node --expose-gc --import tsx test/path/promises-child.ts HOME COUNT: signs so many times with a `once` key, and tells as
// JSON what each signature has cost: promises, calls of the addon, octets of V8's heap.
import { createHook } from 'node:async_hooks'
import { PerformanceObserver } from 'node:perf_hooks'
import { createCard } from '../../src/index.ts'
import { countTrips } from './counting.ts'

/** Of one signature. */
export interface Costs {
  readonly promises: number
  readonly calls: Readonly<Record<string, number>>
  readonly heap: number
}

const [, , home = '', count = '0'] = process.argv
const COUNT = Number(count)
const WARM = 2000
const ROUNDS = 8
const ROUND = 300
const data = new Uint8Array(100)
const trips = countTrips()
const card = await createCard({ name: 'work', home, tcti: 'embedded:', pin: '483920', puk: 'open ?me' })
await card.verifyPin('483920')
await card.generateKey('9a')

async function sign(times: number): Promise<void> {
  for (let left = times; left > 0; left -= 1) await card.sign('9a', data)
}

let promises = 0
const hook = createHook({
  init(_, type) {
    if (type === 'PROMISE') promises += 1
  },
})
await sign(WARM)
hook.enable()
const calls = await trips.during(() => sign(COUNT))
hook.disable()
const made = promises

let collections = 0
new PerformanceObserver((list) => {
  collections += list.getEntries().length
}).observe({ entryTypes: ['gc'] })
const soon = () => new Promise((resolve) => setTimeout(resolve))

/** Octets that were asked of V8's heap; undefined where something was collected meanwhile. */
async function heapOf(times: number): Promise<number | undefined> {
  globalThis.gc?.()
  await soon()
  const known = collections
  const before = process.memoryUsage().heapUsed
  await sign(times)
  const used = process.memoryUsage().heapUsed - before
  await soon()
  return collections === known ? used : undefined
}

/** The least of several rounds: V8 also compiles in some of them, on the same heap, and when is up to the machine. */
async function leastHeap(): Promise<number> {
  const rounds: number[] = []
  for (let tries = 0; rounds.length < ROUNDS && tries < 4 * ROUNDS; tries += 1) {
    const used = await heapOf(ROUND)
    if (used !== undefined) rounds.push(used / ROUND)
  }
  if (rounds.length < ROUNDS) throw new Error(`only ${rounds.length} rounds without a collection`)
  return Math.min(...rounds)
}
await sign(WARM)
const heap = await leastHeap()
const perCall = Object.fromEntries(Object.entries(calls).map(([name, number]) => [name, number / COUNT]))
process.stdout.write(`${JSON.stringify({ promises: made / COUNT, calls: perCall, heap })}\n`)
await card.close()
