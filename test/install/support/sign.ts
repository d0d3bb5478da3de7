/** A program of somebody who installed the package: it says "verifies true", or the error. */
export const SIGN = `import { createCard } from 'tessera-card'
import { randomUUID, verify } from 'node:crypto'
const work = async () => {
  const card = await createCard({ name: 'card-' + randomUUID().slice(0, 8), pin: '27182818', puk: '86753098' })
  await card.verifyPin('27182818')
  const key = await card.generateKey('9a', { algorithm: 'P-256', pinPolicy: 'once' })
  const data = new TextEncoder().encode('hello')
  const signature = await card.sign('9a', data)
  await card.close()
  return 'verifies ' + verify('sha256', data, key, signature)
}
work().catch((error) => error.code + ' ' + error.message).then((said) => console.log(said))
`
