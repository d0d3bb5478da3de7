// node --import tsx bench/cases/served.ts SETUP: a process that serves a card, as `tessera serve` does. SETUP is JSON of
// `ServedSetup`. One request: `counters`, of its TPM.
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { load } from '../product.ts'

export interface ServedSetup {
  /** Checkout whose dist/ serves. */
  readonly root: string
  readonly home: string
  readonly tcti: string
  /** Where vpcd listens, on 127.0.0.1. */
  readonly port: number
}

const { root, home, tcti, port } = JSON.parse(process.argv[2] ?? '') as ServedSetup
const { serveCard } = await load(root, 'serve/index')
const { deviceInUse } = await load(root, 'tpm/devices')
const served = await serveCard('bench', { home, vpcd: `127.0.0.1:${port}` })
await served.ready
const device = deviceInUse({ tcti, stateFile: join(home, 'tpm', 'state'), createState: false })
process.stdout.write('ready\n')
for await (const _ of createInterface({ input: process.stdin })) {
  await device?.settled()
  process.stdout.write(`${JSON.stringify((await device?.counters()) ?? {})}\n`)
}
await served.close()
