// What was encrypted for a card's RSA key as a JWE, decrypted. Run: npx tsx jwe.ts SLOT <FILE
import { text } from 'node:stream/consumers'
import { compactDecrypt } from 'jose'
import { openCard } from 'tessera-card'
import { cardKey } from 'tessera-card/keys'

const [slot = '9d'] = process.argv.slice(2)
const card = await openCard({ name: 'work' })
const key = await cardKey(card, slot, { onPin: '27182818' })
const privateKey = await key.cryptoKey({ name: 'RSA-OAEP', hash: 'SHA-256' })
const { plaintext } = await compactDecrypt((await text(process.stdin)).trim(), privateKey)
process.stdout.write(plaintext)

key.close()
await card.close()
