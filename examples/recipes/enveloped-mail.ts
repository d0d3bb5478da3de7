// A mail that was encrypted for a card's RSA key (S/MIME), decrypted. Run: npx tsx enveloped-mail.ts SLOT <MAIL
import { text } from 'node:stream/consumers'
import * as pkijs from 'pkijs'
import { openCard } from 'tessera-card'
import { cardKey } from 'tessera-card/keys'

const [slot = '9d'] = process.argv.slice(2)
const card = await openCard({ name: 'work' })
const key = await cardKey(card, slot, { onPin: '27182818' })

const [, body = ''] = (await text(process.stdin)).split(/\r?\n\r?\n/)
const { content } = pkijs.ContentInfo.fromBER(Buffer.from(body, 'base64'))
const mail = new pkijs.EnvelopedData({ schema: content })
const recipientPrivateKey = await key.cryptoKey({ name: 'RSA-OAEP', hash: 'SHA-256' })
process.stdout.write(new Uint8Array(await mail.decrypt(0, { recipientPrivateKey })))

key.close()
await card.close()
