// Makes a card in the TPM, a key on it, a signature, and checks it. Run: npx tsx examples/sign.ts [TCTI]
import { randomInt, verify } from 'node:crypto'
import { createCard, destroyCard, PinError } from 'tessera-card'

const name = `example-${randomInt(1_000_000)}`
const tcti = process.argv[2] ?? 'embedded:'
const pin = '27182818'
const message = new TextEncoder().encode('hello')

const card = await createCard({ name, tcti, pin, puk: '86753098' })
try {
  await card.verifyPin('00000000').catch((error: unknown) => {
    if (error instanceof PinError) console.log(`${error.code}: ${error.triesLeft} tries left`)
  })
  await card.verifyPin(pin)
  const publicKey = await card.generateKey('9a', { algorithm: 'P-256', pinPolicy: 'once' })
  const signature = await card.sign('9a', message, { hash: 'SHA-256' })
  console.log('verified:', verify('sha256', message, publicKey, signature))
} finally {
  await card.close()
  await destroyCard(name, { tcti })
}
