// A JWT signed by a card's key. Run: npx tsx jwt.ts SLOT ALGORITHM >FILE
import { SignJWT } from 'jose'
import { openCard } from 'tessera-card'
import { cardKey } from 'tessera-card/keys'

/** What WebCrypto calls the algorithms of JSON Web Signature, by the first letters of their names. */
const NAMES: Readonly<Record<string, string>> = { ES: 'ECDSA', RS: 'RSASSA-PKCS1-v1_5', PS: 'RSA-PSS' }

const [slot = '9a', alg = 'ES256'] = process.argv.slice(2)
const algorithm = { name: NAMES[alg.slice(0, 2)] ?? alg, hash: `SHA-${alg.slice(2)}` }

const card = await openCard({ name: 'work' })
const key = await cardKey(card, slot, { onPin: '27182818' })
const token = await new SignJWT({ role: 'reader' })
  .setProtectedHeader({ alg })
  .setSubject('maria')
  .setExpirationTime('5 minutes')
  .sign(await key.cryptoKey(algorithm))
process.stdout.write(token)

key.close()
await card.close()
