// A process that serves a card, for a look at its memory from outside. argv: home, TCTI, how (vpcd or listen), port. No
// secret ever is in its source or its arguments: those that it meets come through PC/SC.
import { createCard } from '../../../src/index.ts'
import { serveCard } from '../../../src/serve/index.ts'

const [home = '', tcti = '', how = '', port = ''] = process.argv.slice(2)
const way = how === 'listen' ? { listen: Number(port) } : { vpcd: `127.0.0.1:${port}` }

/** Says how far it is, and waits until it was looked at. */
const stage = async (name: string) => {
  process.stdout.write(`${name}\n`)
  await new Promise((resolve) => process.stdin.once('data', resolve))
}

await (await createCard({ name: 'work', home, tcti })).close()
const served = await serveCard('work', { home, tcti, ...way, onTrouble: (error) => console.error(error) })
await stage('served')
for (let round = 0; round < 3; round += 1) {
  globalThis.gc?.()
  await new Promise((resolve) => setImmediate(resolve))
}
await stage('used')
await served.close()
await stage('closed')
process.stdin.destroy()
