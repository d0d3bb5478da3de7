// The loop of a case: requests of protocol.ts on standard input, answers on standard output.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cost, Many, Run } from './protocol.ts'

/** What a case does over and over. */
export interface Operation {
  run(): Promise<unknown>
  /** How often each TPM command was sent so far, and `stateWrites`; nothing where that cannot be known. */
  counters(): Promise<Readonly<Record<string, number>>>
  close(): Promise<void>
}

const RESOLUTION_MS = 1
const now = () => performance.now()

async function oneByOne(operation: Operation, ms: number, gap: number): Promise<Run> {
  const us: number[] = []
  const start = now()
  let before = start
  while (before < start + ms) {
    if (gap > 0) {
      await pause(gap)
      before = now()
    }
    await operation.run()
    const after = now()
    us.push((after - before) * 1000)
    before = after
  }
  return { ms: before - start, us }
}

async function many(operation: Operation, ms: number, outstanding: number): Promise<Many> {
  const us: number[] = []
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  const start = now()
  const worker = async () => {
    while (now() < start + ms) {
      const before = now()
      await operation.run()
      us.push((now() - before) * 1000)
    }
  }
  await Promise.all(Array.from({ length: outstanding }, worker))
  const end = now()
  histogram.disable()
  return { ms: end - start, us, delay: Math.max(0, histogram.percentile(99) / 1e6 - RESOLUTION_MS) }
}

/** Without a collection in between, what is there afterwards was allocated meanwhile: --max-semi-space-size sees to it. */
async function cost(operation: Operation, count: number): Promise<Cost> {
  globalThis.gc?.()
  const before = await operation.counters()
  const memory = process.memoryUsage()
  for (let i = 0; i < count; i += 1) await operation.run()
  const after = process.memoryUsage()
  const { stateWrites = 0, ...commands } = Object.fromEntries(
    Object.entries(await operation.counters()).map(([name, total]) => [name, (total - (before[name] ?? 0)) / count]),
  )
  return {
    commands: Object.fromEntries(Object.entries(commands).filter(([, each]) => each > 0)),
    writes: stateWrites,
    heap: (after.heapUsed - memory.heapUsed) / count,
    buffers: (after.arrayBuffers - memory.arrayBuffers) / count,
  }
}

const REQUESTS: Readonly<Record<string, (operation: Operation, ...numbers: number[]) => Promise<unknown>>> = {
  run: (operation, ms = 0, gap = 0) => oneByOne(operation, ms, gap),
  many: (operation, ms = 0, outstanding = 1) => many(operation, ms, outstanding),
  cost: (operation, count = 1) => cost(operation, count),
}

export async function serveRequests(operation: Operation): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  say('ready')
  for await (const line of createInterface({ input: process.stdin })) {
    const [word = '', ...numbers] = line.split(' ')
    const request = REQUESTS[word]
    if (request === undefined) throw new Error(`no such request: ${line}`)
    say(JSON.stringify(await request(operation, ...numbers.map(Number))))
  }
  await operation.close()
}
