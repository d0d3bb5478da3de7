// Before TLS 1.3 a server may begin a handshake anew on a connection that is open, and ask for the certificate only then.
// takes: 4 s
import { constants } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PinError, TlsError } from '../../src/index.ts'
import type { CardSocket } from '../../src/tls/index.ts'
import { PIN } from '../contract/subjects.ts'
import { at } from '../enroll/support/openssl.ts'
import { within } from '../support/temp.ts'
import type { KeyWanted } from './support/cards.ts'
import { LIMIT_MS, type Stage, staged } from './support/stage.ts'

const on = staged()
const HOST = '127.0.0.1'
const NEVER = [{ slot: '9e', pinPolicy: 'never' }] as const
const ALWAYS = [{ slot: '9c', pinPolicy: 'always' }] as const

/** A connection; `asks`: whether its first handshake wants a certificate. */
async function pair(stage: Stage, keys: readonly [KeyWanted], asks: boolean) {
  const { ca } = stage
  await stage.server() // its certificate
  const [key, cert] = ['key', 'pem'].map((ending) => readFileSync(at(`server-${ca.name}.${ending}`))) as [
    Buffer,
    Buffer,
  ]
  const secureOptions = constants.SSL_OP_NO_TICKET // else the second handshake is a resumption
  const asking = { requestCert: asks, rejectUnauthorized: asks }
  const server = tls.createServer({ key, cert, ca: ca.ca, maxVersion: 'TLSv1.2', secureOptions, ...asking })
  server.listen(0, HOST)
  await once(server, 'listening')
  const accepted = once(server, 'secureConnection')
  const card = await stage.card(keys)
  const agent = await stage.agent(card, keys[0].slot, { onPin: PIN })
  const near = await agent.connect({ host: HOST, port: (server.address() as AddressInfo).port })
  const [far] = (await accepted) as [TLSSocket]
  far.on('error', () => {}).resume()
  near.resume()
  stage.atEnd(() => {
    far.destroy()
    near.destroy()
    server.close()
  })
  return { card, near, far }
}

/** The client's name once it has shown its certificate, or what became of the connection. */
function again(near: CardSocket, far: TLSSocket): Promise<unknown> {
  const named = new Promise((resolve) => {
    near.once('error', resolve)
    far.renegotiate({ requestCert: true, rejectUnauthorized: true }, () => {})
    far.on('secure', () => resolve(far.getPeerCertificate().subject?.CN))
  })
  return within(named, LIMIT_MS, 'neither a handshake nor an error')
}

on('a certificate that is wanted only then is shown', async (stage) => {
  const { near, far } = await pair(stage, NEVER, false)
  assert.is(await again(near, far), 'Maria')
  assert.is(near.destroyed, false)
})

on('the card signs once for a connection', async (stage) => {
  const { near, far } = await pair(stage, NEVER, true)
  const error = await again(near, far)
  assert.instance(error, TlsError)
  assert.is((error as TlsError).code, 'ERR_TLS_HANDSHAKE')
  assert.match((error as TlsError).message, 'once')
})

on('a key that wants the PIN for every use has had it for the first handshake alone', async (stage) => {
  const { card, near, far } = await pair(stage, ALWAYS, false)
  await card.verifyPin(PIN) // of somebody else, for something else
  const error = (await again(near, far)) as TlsError
  assert.is(error.code, 'ERR_TLS_HANDSHAKE')
  assert.instance(error.cause, PinError)
  assert.is((error.cause as PinError).code, 'ERR_PIN_REQUIRED')
  assert.ok(await card.sign('9c', new Uint8Array(1)))
})

test.run()
