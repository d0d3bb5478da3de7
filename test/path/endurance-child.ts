// node --expose-gc --import tsx test/path/endurance-child.ts TCTI HOME COUNT: signs so many times, and tells after each
// tenth what it has: JSON of `Tenth`, one a line.
import { setTimeout as pause } from 'node:timers/promises'
import { createCard } from '../../src/index.ts'

/** Octets of memory. */
export interface Tenth {
  readonly rss: number
  readonly heap: number
}

const [, , tcti = '', home = '', count = '0'] = process.argv
const data = new Uint8Array(100)
const card = await createCard({ name: 'work', home, tcti, pin: '483920', puk: 'open ?me' })
await card.verifyPin('483920')
await card.generateKey('9a')

/** What is in use, and not what a collector has not come to: the least of several looks. */
async function memory(): Promise<Tenth> {
  const looks: NodeJS.MemoryUsage[] = []
  for (let i = 0; i < 5; i += 1) {
    globalThis.gc?.()
    await pause(20)
    looks.push(process.memoryUsage())
  }
  return {
    rss: Math.min(...looks.map(({ rss }) => rss)),
    heap: Math.min(...looks.map(({ heapUsed }) => heapUsed)),
  }
}

for (let tenth = 0; tenth < 10; tenth += 1) {
  // Longer than a ticket lives, where a million is signed.
  await card.verifyPin('483920')
  for (let left = Number(count) / 10; left > 0; left -= 1) await card.sign('9a', data)
  process.stdout.write(`${JSON.stringify(await memory())}\n`)
}
await card.close()
