// Signs in to an HTTPS server by the certificate of a card, whose key stays in the TPM. Run: npx tsx examples/https-client.ts [TCTI]
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { createCard, destroyCard } from 'tessera-card'
import { selfSign } from 'tessera-card/enroll'
import { cardAgent } from 'tessera-card/tls'

const name = `example-${randomInt(1_000_000)}`
const tcti = process.argv[2] ?? 'embedded:'
const pin = '27182818'
const folder = mkdtempSync(join(tmpdir(), 'example-'))

// A certificate for the server, by itself, and one for the card's key, likewise. A real one comes from a CA: tessera enroll.
const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
const made = [
  '-nodes',
  '-keyout',
  key,
  '-out',
  cert,
  '-subj',
  '/CN=localhost',
  '-addext',
  'subjectAltName=DNS:localhost',
]
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', ...made], {
  stdio: 'pipe',
})
const card = await createCard({ name, tcti, pin, puk: '86753098' })
await card.verifyPin(pin)
await card.generateKey('9a')
const ours = await selfSign(card, '9a', { subject: 'CN=Maria' })
await card.lock()

const trusted = `-----BEGIN CERTIFICATE-----\n${Buffer.from(ours).toString('base64')}\n-----END CERTIFICATE-----`
const files = { key: readFileSync(key), cert: readFileSync(cert) }
const server = createServer({ ...files, ca: trusted, requestCert: true }, (request, response) => {
  const socket = request.socket as TLSSocket
  response.end(`You are ${socket.getPeerCertificate().subject.CN}, by ${socket.getProtocol()}.`)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo

const agent = await cardAgent(card, '9a', {
  ca: files.cert,
  onPin: ({ reason }) => {
    console.log(reason)
    return pin
  },
})
try {
  const answer = await agent.fetch(`https://localhost:${port}/`)
  console.log(await answer.text())
} finally {
  agent.destroy()
  server.close()
  await card.close()
  await destroyCard(name, { tcti })
  rmSync(folder, { recursive: true })
}
