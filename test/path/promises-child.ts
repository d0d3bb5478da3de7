// node --expose-gc --import tsx test/path/promises-child.ts HOME COUNT: signs so many times with a `once` key, and tells as
// JSON what each signature has cost: promises, calls of the addon, octets of V8's heap.
import { createHook } from 'node:async_hooks'
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

/** Octets that were asked of the heap while nothing was collected: the young generation has room for all of them. */
async function heapOf(times: number): Promise<number> {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  await sign(times)
  return process.memoryUsage().heapUsed - before
}
await sign(WARM)
const heap = await heapOf(COUNT)
const perCall = Object.fromEntries(Object.entries(calls).map(([name, number]) => [name, number / COUNT]))
process.stdout.write(`${JSON.stringify({ promises: made / COUNT, calls: perCall, heap: heap / COUNT })}\n`)
await card.close()
