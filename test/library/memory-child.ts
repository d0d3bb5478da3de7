// A process that uses secrets and wipes them, for a look at its memory from outside. argv: home, TCTI. The secrets come
// as octets made here, by arithmetic: no text of them is ever in this process.
import { generateKeyPairSync } from 'node:crypto'
import { createCard } from '../../src/index.ts'
import { SECRETS } from './memory-secrets.ts'

const [home = '', tcti = ''] = process.argv.slice(2)
const data = new Uint8Array(100)
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const used: Uint8Array[] = []
/** Octets outside V8's heap, where no garbage collector copies them. */
const secret = (name: keyof typeof SECRETS): Uint8Array => {
  const octets = new Uint8Array(new ArrayBuffer(SECRETS[name].length))
  for (let i = 0; i < octets.length; i += 1) octets[i] = (SECRETS[name].charCodeAt(i) - 0x40) & 0x7f
  used.push(octets)
  return octets
}
const collect = async () => {
  for (let i = 0; i < 3; i += 1) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const pin = secret('pin')
const newPin = secret('newPin')
const puk = secret('puk')
const newPuk = secret('newPuk')
const card = await createCard({ name: 'work', home, tcti, pin, puk, helpDeskPublicKey: publicKey })
for (let i = 0; i < 5; i += 1) {
  await card.verifyPin(pin)
  if (i === 0) for (const slot of ['9a', '9c']) await card.generateKey(slot)
  await collect() // moves what can be moved, with the PIN verified
  await card.verifyPin(pin)
  await card.sign('9c', data)
  await card.sign('9a', data)
}
await card.changePin({ pin, newPin })
await card.verifyPin(pin).catch(() => undefined)
await card.changePuk({ puk, newPuk })
await card.unblockPin({ puk: newPuk, newPin: pin })
await card.verifyPin(pin)
await card.sign('9a', data)

/** Says how far it is, and waits until it was looked at. */
const stage = async (name: string) => {
  process.stdout.write(`${name}\n`)
  await new Promise((resolve) => process.stdin.once('data', resolve))
}
await stage('in use')
await card.lock()
for (const octets of used) octets.fill(0)
await stage('locked')
await collect()
await stage('collected')
await card.close()
await stage('closed')
process.stdin.destroy()
