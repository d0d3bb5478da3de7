// takes: 10 s
// A service that is signed in to, and then answers as none should: octets on the wire, in both directions.
import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { signIn } from '../../src/signin/index.ts'
import { signInShared } from '../../src/signin/shared-session.ts'
import { tempDir, within } from '../support/temp.ts'
import { forgedService, serverIdentity } from './forged.ts'
import { ALICE, makeCard, PIN, refusedWith, startLab } from './support.ts'

const home = tempDir('home')
const lab = await startLab()
await (await makeCard(lab, { home, name: 'work' })).close()

const minute = () => new Date(Date.now() + 60_000).toISOString()
const HALF = 'HTTP/1.1 401 Out\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{'

/** What is answered to the path of a call; what is none of these is answered well. */
const ANSWERS: Readonly<Record<string, (socket: TLSSocket, status: string) => void>> = {
  '/stalls': (socket) => socket.write(HALF),
  '/breaks': (socket) => socket.end(HALF),
  '/status': (socket, status) => socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`),
}

const said: string[] = []
const identity = serverIdentity()
const server = createServer(identity, (socket) => {
  socket.on('error', () => undefined).setEncoding('latin1')
  socket.on('data', (text: string) => {
    said.push(text)
    const [, path = '', query = ''] = /^[A-Z]+ (\/[^ ?]*)\??(\d*) HTTP/.exec(text) ?? []
    const odd = ANSWERS[path]
    if (odd !== undefined) odd(socket, query)
    else if (path !== '') well(socket)
  })
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
test.after(async () => {
  server.close()
  await lab.close()
})

/** Serves for a challenge, for a session, and for all else. */
function well(socket: TLSSocket): void {
  const challenge = { nonce: Buffer.alloc(32).toString('base64url'), audience: url }
  const body = JSON.stringify({
    ...{ ...challenge, user: 'alice', address: ALICE, expires: minute(), session: 't'.repeat(43) },
  })
  const headers = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`
  socket.write(`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n${body}`)
}

const options = { address: ALICE, service: url, ca: identity.cert, method: 'challenge', pin: PIN, home } as const

test('an answer that says who is out, and does not end or breaks off; a status that there is not', async () => {
  const session = await signIn(options)
  for (const path of ['/stalls', '/breaks']) {
    const call = session.fetch(path, { timeout: 500 })
    await refusedWith('ERR_SERVICE_UNAVAILABLE', within(call, 120_000, path))
  }
  for (const status of [101, 600, 999]) await refusedWith('ERR_SERVICE_ANSWER', session.fetch(`/status?${status}`))
  assert.is((await session.fetch('/')).status, 200)
  await session.signOut()
})

test('a path that would name another host stays a path of the service', async () => {
  await using session = await signIn(options)
  const host = '//127.0.0.1:1/x'
  for (const path of [`/.${host}`, `/x/..${host}`, `.${host}`, `/%2e${host}`]) {
    said.length = 0
    assert.is((await session.fetch(path)).status, 200, path)
    assert.match(said.join(''), `GET ${host} HTTP/1.1\r\n`, path)
  }
  for (const other of [host, host.replaceAll('/', '\\'), `https:${host}`]) {
    await refusedWith('ERR_USAGE', session.fetch(other))
  }
})

test('its certificate is verified on every connection, whatever the environment says', async () => {
  const [wrong, other] = [
    serverIdentity(),
    createServer((socket) => socket.on('error', () => undefined).on('data', () => well(socket))),
  ]
  // The first one is good, when it is looked whether the service is there.
  other.on('connection', () => other.setSecureContext(wrong))
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  const there = { ...options, service: `https://127.0.0.1:${(other.address() as AddressInfo).port}` }
  try {
    for (const method of ['certificate', 'challenge'] as const) {
      other.setSecureContext(identity)
      await refusedWith('ERR_SERVICE_UNTRUSTED', signIn({ ...there, method }))
    }
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    other.close()
  }
})

test('a service with an old TLS alone, or none: nobody is asked for a PIN', async () => {
  const old = { ...identity, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const
  for (const other of [createServer(old), createHttp((_, response) => void response.end('hi'))]) {
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const there = { ...options, service: `https://127.0.0.1:${(other.address() as AddressInfo).port}` }
    const pin = (): never => assert.unreachable('a PIN is asked for') as never
    for (const method of ['certificate', 'challenge'] as const)
      await refusedWith('ERR_SERVICE_UNAVAILABLE', signIn({ ...there, method, pin }))
    other.close()
  }
})

test('moments that there are not', async () => {
  for (const expires of ['2099-01-01T00:00:00+05', '2099-02-30T23:59:59-23']) {
    const odd = await forgedService(() => ({ user: 'alice', address: ALICE, expires }))
    const there = { ...options, service: odd.url, ca: odd.ca, method: 'certificate' } as const
    await refusedWith('ERR_SERVICE_ANSWER', signIn(there))
    await odd.close()
  }
})

test('a body ends where it ends: nothing in it is another call', async () => {
  const inner = 'GET /inner HTTP/1.1\r\nHost: x\r\n\r\n'
  const { session, socket: path } = await signInShared(options, false)
  for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
    for (const head of [
      `Connection: content-length\r\nContent-Length: ${inner.length}`,
      'Transfer-Encoding: chunked',
    ]) {
      said.length = 0
      const socket = connect(path).setEncoding('latin1')
      const body = head.startsWith('T') ? `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n` : inner
      socket.write(`${method} /outer HTTP/1.1\r\nHost: service\r\n${head}\r\n\r\n${body}`)
      await within(once(socket, 'data'), 120_000, method)
      socket.destroy()
      assert.match(
        said.join(''),
        /^[A-Z]+ \/outer HTTP\/1\.1\r\n(.+\r\n)*transfer-encoding: chunked\r\n/,
        `${method}, ${head}`,
      )
    }
    if (method === 'GET') continue
    said.length = 0
    await session.fetch('/outer', { method, body: inner })
    assert.match(said.join(''), `\r\ncontent-length: ${inner.length}\r\n`, method)
  }
  await session.signOut()
})

test.run()
