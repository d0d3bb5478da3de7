// A signed mail (S/MIME). Run: npx tsx smime.ts SLOT <TEXT >MAIL
import { text } from 'node:stream/consumers'
import { openCard } from 'tessera-card'
import { sign } from './signed-data.ts'

const [slot = '9c'] = process.argv.slice(2)
const card = await openCard({ name: 'work' })

const lines = (await text(process.stdin)).split(/\r?\n/)
const part = ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit', '', ...lines].join('\r\n')
const signature = (await sign(card, slot, '27182818', Buffer.from(part))).toString('base64')
const boundary = `signed-${crypto.randomUUID()}`
const mail = [
  'From: Maria <maria@example.com>',
  'MIME-Version: 1.0',
  `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="${boundary}"`,
  '',
  `--${boundary}`,
  part,
  `--${boundary}`,
  'Content-Type: application/pkcs7-signature; name=smime.p7s',
  'Content-Transfer-Encoding: base64',
  '',
  ...(signature.match(/.{1,76}/g) ?? []),
  `--${boundary}--`,
  '',
]
process.stdout.write(mail.join('\r\n'))
await card.close()
