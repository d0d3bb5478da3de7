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
  /** A port of 127.0.0.1 where vpcd listens, or the path of a socket of our own. */
  readonly place: number | string
}

const { root, home, tcti, place } = JSON.parse(process.argv[2] ?? '') as ServedSetup
const { serveCard, servePcsc } = await load(root, 'serve/index')
const { deviceInUse } = await load(root, 'tpm/devices')
const served = await serve()
const device = deviceInUse({ tcti, stateFile: join(home, 'tpm', 'state'), createState: false })
process.stdout.write('ready\n')
async function serve() {
  if (typeof place === 'string') return servePcsc(['bench'], { home, socket: place })
  const inReader = await serveCard('bench', { home, vpcd: `127.0.0.1:${place}` })
  await inReader.ready
  return inReader
}

for await (const _ of createInterface({ input: process.stdin })) {
  await device?.settled()
  process.stdout.write(`${JSON.stringify((await device?.counters()) ?? {})}\n`)
}
await served.close()
