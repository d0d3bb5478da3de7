// A process that serves a card, for a look at its memory from outside. argv: home, TCTI, how (vpcd, listen, socket or pkcs11), port or
// path. No secret ever is in its source or its arguments: those that it meets come through that.
import { createCard } from '../../../src/index.ts'
import { serveCard, servePcsc, servePkcs11 } from '../../../src/serve/index.ts'

const [home = '', tcti = '', how = '', port = ''] = process.argv.slice(2)
const way = how === 'listen' ? { listen: Number(port) } : { vpcd: `127.0.0.1:${port}` }

/** Says how far it is, and waits until it was looked at. */
const stage = async (name: string) => {
  process.stdout.write(`${name}\n`)
  await new Promise((resolve) => process.stdin.once('data', resolve))
}

await (await createCard({ name: 'work', home, tcti })).close()
const options = { home, tcti, onTrouble: (error: unknown) => console.error(error) }
const ways: Readonly<Record<string, () => Promise<{ close(): Promise<void> }>>> = {
  socket: () => servePcsc(['work'], { ...options, socket: port }),
  pkcs11: () => servePkcs11(['work'], { ...options, socket: port }),
}
const served = await (ways[how]?.() ?? serveCard('work', { ...options, ...way }))
await stage('served')
for (let round = 0; round < 3; round += 1) {
  globalThis.gc?.()
  await new Promise((resolve) => setImmediate(resolve))
}
await stage('used')
await served.close()
await stage('closed')
process.stdin.destroy()
