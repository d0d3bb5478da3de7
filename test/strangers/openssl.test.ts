// takes: 15 s
// openssl and curl through the PKCS#11 engine and OpenSC: signatures, a request, and a client certificate in TLS.
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OPENSC, type UsedSlot, uri } from './support/opensc.ts'
import { PIN, type Served, type ServedCard, startServed, TRIES, triesLeft, WRONG_PIN } from './support/served.ts'
import { file, newFile, ok, type RunOptions, refused, type Said, says } from './support/tools.ts'

let served: Served
let server: Awaited<ReturnType<typeof startServer>>
test.before(async () => {
  served = await startServed(['curve', 'prime'])
  server = await startServer()
})
test.after(async () => {
  server?.stop()
  await served?.stop()
})

const engine: RunOptions = { env: { PKCS11_MODULE_PATH: OPENSC } }
const ENGINE = ['-engine', 'pkcs11', '-keyform', 'engine']
const [pinFile, wrongFile] = [file(PIN), file(WRONG_PIN)]
const keyOf = (card: ServedCard, slot: UsedSlot, pin = pinFile): string => uri(`${card.name} 9a`, slot, 'private', pin)

const KEYS: ReadonlyArray<readonly [at: 0 | 1, slot: UsedSlot, ...more: string[]]> = [
  [0, '9a'],
  [1, '9a'],
  [1, '9a', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'],
  [1, '9e'],
]
for (const [at, slot, ...more] of KEYS) {
  test(`openssl dgst signs with ${slot} of card ${at + 1} ${more.join(' ')}, plain openssl verifies`, async () => {
    const card = served.cards[at]
    assert.ok(card)
    const [message, out] = [file('a message'), newFile()]
    const words = ['dgst', ...ENGINE, '-sha256', ...more, '-sign', keyOf(card, slot), '-out', out, message]
    await ok('openssl', words, engine)
    const pem = file(card.publicKey(slot).export({ type: 'spki', format: 'pem' }))
    says(
      await ok('openssl', ['dgst', '-sha256', ...more, '-verify', pem, '-signature', out, message]),
      /^Verified OK$/m,
    )
  })
}

test('openssl req makes a request, openssl x509 a certificate, by the key of the card', async () => {
  for (const card of served.cards) {
    const out = newFile()
    const request = ['req', '-new', ...ENGINE, '-key', keyOf(card, '9a'), '-subj', '/CN=asked by openssl', '-out', out]
    await ok('openssl', request, engine)
    says(await ok('openssl', ['req', '-in', out, '-verify', '-noout']), /verify OK/)
    const self = ['req', '-x509', ...ENGINE, '-key', keyOf(card, '9a'), '-subj', '/CN=self', '-days', '1']
    const certificate = new X509Certificate((await ok('openssl', self, engine)).stdout)
    assert.ok(certificate.verify(card.publicKey('9a')) && certificate.checkIssued(certificate))
  }
})

test('a wrong PIN signs nothing and costs one try', async () => {
  const [card] = served.cards
  assert.ok(card)
  const out = newFile()
  const words = ['dgst', ...ENGINE, '-sha256', '-sign', keyOf(card, '9a', wrongFile), '-out', out, file('a message')]
  await refused('openssl', words, engine)
  assert.is(await triesLeft(card), TRIES.pin - 1)
  await card.look((one) => one.verifyPin(PIN))
})

/** Answers the fingerprint of the client's certificate; refuses who has none of the issuer. */
async function startServer() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = await served.issuer.certifyServer(publicKey)
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const ca = readFileSync(served.issuer.path)
  const options = { key, cert: certificate.toString(), ca, requestCert: true, rejectUnauthorized: true }
  const https = createServer(options, (request, response) => {
    const { fingerprint256 } = (request.socket as TLSSocket).getPeerCertificate()
    response.end(`${(request.socket as TLSSocket).getProtocol()} ${fingerprint256}`)
  })
  https.listen(0, '127.0.0.1')
  await once(https, 'listening')
  return {
    url: `https://127.0.0.1:${(https.address() as AddressInfo).port}/`,
    stop: () => {
      https.close()
      https.closeAllConnections()
    },
  }
}

const curl = (end: typeof ok, ...words: string[]): Promise<Said> =>
  end(
    'curl',
    ['--silent', '--show-error', '--max-time', '15', '--cacert', served.issuer.path, ...words, server.url],
    engine,
  )

const VERSIONS = [
  ['1.2', ['--tls-max', '1.2']],
  ['1.3', ['--tlsv1.3']],
] as const
for (const [version, how] of VERSIONS) {
  test(`curl shows the certificate of the card, TLS ${version}`, async () => {
    for (const card of served.cards) {
      const token = `${card.name} 9a`
      const client = ['--engine', 'pkcs11', '--key-type', 'ENG', '--key', uri(token, '9a', 'private', pinFile)]
      const certificate = ['--cert-type', 'ENG', '--cert', uri(token, '9a', 'cert', pinFile)]
      const said = await curl(ok, ...how, ...client, ...certificate)
      assert.is(said.stdout, `TLSv${version} ${card.certificate('9a').fingerprint256}`, said.all)
    }
  })
}

test('without a certificate the server refuses', async () => {
  await curl(refused)
})

test.run()
