// A process that imports private keys, for a look at its memory from outside. argv: home, TCTI, where the heap snapshot goes,
// `octets` or `jwk` (which keeps the keys as text, so that a search is seen to find them), files of PKCS#8 with their slots.
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { writeHeapSnapshot } from 'node:v8'
import { createCard } from '../../src/index.ts'

const [home = '', tcti = '', snapshot = '', how = '', ...files] = process.argv.slice(2)

/** The key in a file; what was read is overwritten. */
function read(path: string): KeyObject {
  const file = openSync(path, 'r')
  const octets = Buffer.from(new ArrayBuffer(fstatSync(file).size))
  readSync(file, octets, 0, octets.length, 0)
  closeSync(file)
  try {
    return createPrivateKey({ key: octets, format: 'der', type: 'pkcs8' })
  } finally {
    octets.fill(0)
  }
}

const kept: unknown[] = []
const card = await createCard({ name: 'work', home, tcti, pin: '483920', puk: 'open ?me' })
await card.verifyPin('483920')
for (const file of files) {
  const [slot = '', path = ''] = file.split('=')
  const key = read(path)
  if (how === 'jwk') kept.push(key.export({ format: 'jwk' }))
  await card.importKey(slot, key)
}
for (let round = 0; round < 3; round += 1) {
  globalThis.gc?.()
  await new Promise((resolve) => setImmediate(resolve))
}
writeHeapSnapshot(snapshot)
process.stdout.write('imported\n')
await new Promise((resolve) => process.stdin.once('data', resolve))
await card.close()
process.exit(kept.length > files.length ? 1 : 0)
