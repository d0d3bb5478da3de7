// Everything that goes wrong between a card and a server: typed errors, and nobody waits for ever.
// takes: 6 s
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import type { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TlsError } from '../../src/index.ts'
import { PIN } from '../contract/subjects.ts'
import { at, certificate } from '../enroll/support/openssl.ts'
import { atExit, within } from '../support/temp.ts'
import { ask, failed, LIMIT_MS, staged } from './support/stage.ts'
import { authority, CLIENT, certify } from './support/world.ts'

const on = staged()
const pin = { onPin: PIN }
const HOST = '127.0.0.1'

/** The thread that `work` starts. */
async function threadOf(work: () => Promise<unknown>): Promise<Worker> {
  const [[worker]] = await Promise.all([once(process, 'worker'), work()])
  return worker as Worker
}

// --- The server's side ----------------------------------------------------------------------------------------------

/** OpenSSL's own server, which says by an alert what is wrong with a client; Node's hangs up. */
async function openSslServer(ca: string, trusted: string, version: string): Promise<{ port: number; stop(): void }> {
  const listener = createServer().listen(0, HOST)
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  listener.close()
  await once(listener, 'close')
  const files = ['-cert', at(`server-${ca}.pem`), '-key', at(`server-${ca}.key`), '-CAfile', at(`${trusted}.pem`)]
  const argv = ['s_server', '-accept', `${HOST}:${port}`, '-Verify', '2', '-verify_return_error', `-${version}`, '-www']
  const child: ChildProcess = spawn('openssl', [...argv, ...files], { stdio: ['ignore', 'pipe', 'ignore'] })
  const forget = atExit(() => child.kill('SIGKILL'))
  await within(once(child.stdout as NodeJS.EventEmitter, 'data'), LIMIT_MS, 'openssl s_server does not start')
  return {
    port,
    stop() {
      forget()
      child.kill('SIGKILL')
    },
  }
}

for (const version of ['tls1_2', 'tls1_3'] as const) {
  on(`${version}: a server that knows another CA`, async ({ ca, card, server, agent }) => {
    await server() // its certificate
    const other = authority('other')
    const { port, stop } = await openSslServer(ca.name, other.name, version)
    try {
      const error = await failed(ask(await agent(await card(), '9a', pin), `https://${HOST}:${port}/`))
      assert.instance(error, TlsError)
      assert.is(error.code, 'ERR_TLS_REFUSED')
      assert.match(error.message, 'slot 9a')
      assert.match(String((error.cause as { code?: string }).code), /_ALERT_/)
    } finally {
      stop()
    }
  })
}

on("Node's server that knows another CA hangs up", async ({ card, server, agent }) => {
  const { url } = await server({ ca: authority('foreign').ca })
  assert.is((await failed(ask(await agent(await card(), '9a', pin), url))).code, 'ECONNRESET')
})

on('a server that asks for no certificate', async ({ card, server, agent }) => {
  const { url } = await server({ requestCert: false })
  assert.is(await ask(await agent(await card(), '9a', pin), url), 'undefined TLSv1.3')
})

on('what is wrong with a server is what Node says of it', async ({ ca, card, server, agent }) => {
  const it = await card()
  await it.verifyPin(PIN)
  const { url, port, stop } = await server()
  const by = await agent(it)
  assert.is(
    (await failed(ask(await agent(it, '9a', { ca: authority('nobody').ca }), url))).code,
    'SELF_SIGNED_CERT_IN_CHAIN',
  )
  assert.is(
    (await failed(by.connect({ host: HOST, port, servername: 'elsewhere.example' }))).code,
    'ERR_TLS_CERT_ALTNAME_INVALID',
  )
  const socket = await by.connect({ host: HOST, port, servername: 'elsewhere.example', rejectUnauthorized: false })
  assert.is(socket.authorized, false)
  assert.match(String(socket.authorizationError), 'ALTNAME')
  socket.destroy()
  certificate('expired', { by: ca.name, subject: '/CN=localhost', from: '20200101000000Z', to: '20200201000000Z' })
  const expired = await server({ key: readFileSync(at('expired.key')), cert: readFileSync(at('expired.pem')) })
  assert.is((await failed(ask(by, expired.url))).code, 'CERT_HAS_EXPIRED')
  await stop()
  const refused = await failed(ask(by, url))
  assert.is(refused.code, 'ECONNREFUSED')
  assert.is((refused as { port?: number }).port, port)
  assert.is((await failed(by.fetch('https://nowhere.invalid/'))).code?.replace('EAI_AGAIN', 'ENOTFOUND'), 'ENOTFOUND')
})

on('a server that says nothing', async ({ card, agent }) => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => void sockets.push(socket)).listen(0, HOST)
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const by = await agent(await card(), '9a', { ...pin, handshakeTimeout: 300 })
  assert.is((await failed(by.connect({ host: HOST, port }))).code, 'ERR_TLS_TIMEOUT')
  assert.is((await failed(by.fetch(`https://${HOST}:${port}/`))).code, 'ERR_TLS_TIMEOUT')
  for (const socket of sockets) socket.destroy()
  silent.close()
})

// --- The card's side ------------------------------------------------------------------------------------------------

on('while the card takes its time the loop turns; what is given up is let go at once', async (stage) => {
  const { card, hold, letGo, held } = await stage.slowCard()
  const { port, url } = await stage.server()
  await card.verifyPin(PIN)
  const by = await stage.agent(card, '9a', { handshakeTimeout: 4000 })
  const open = await by.connect({ host: HOST, port })
  hold()
  let turns = 0
  const turning = setInterval(() => {
    turns += 1
  }, 1)
  const error = await failed(by.connect({ host: HOST, port }))
  clearInterval(turning)
  assert.is(error.code, 'ERR_TLS_TIMEOUT')
  assert.is(held(), 1)
  assert.ok(turns > 50, `${turns} turns`)
  // The card still takes its time, and the thread is free for its other connections.
  open.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await within(once(open, 'data'), LIMIT_MS, 'the thread is not free')
  letGo()
  assert.is(await ask(by, url), 'Maria TLSv1.3')
})

on('an agent that is destroyed while the card signs, and what comes after', async (stage) => {
  const { card, hold, letGo, held, holding } = await stage.slowCard()
  const { port, url } = await stage.server()
  await card.verifyPin(PIN)
  const by = await stage.agent(card)
  hold()
  const [direct, request] = [failed(by.connect({ host: HOST, port })), failed(ask(by, url))]
  await holding()
  by.destroy()
  assert.is((await direct).code, 'ERR_TLS_CLOSED')
  assert.is((await request).code, 'ERR_TLS_CLOSED')
  assert.is(held(), 1)
  letGo()
  assert.is((await failed(by.connect({ host: HOST, port }))).code, 'ERR_TLS_CLOSED')
  assert.is((await failed(ask(by, url))).code, 'ERR_TLS_CLOSED')
  by.destroy()
  assert.is(await ask(await stage.agent(card), url), 'Maria TLSv1.3')
})

on('a thread that is killed, idle or while the card signs: the next connection works', async (stage) => {
  const { card, hold, letGo, holding } = await stage.slowCard()
  const { port, url } = await stage.server()
  await card.verifyPin(PIN)
  const by = await stage.agent(card)
  const first = await threadOf(() => ask(by, url))
  const socket = await by.connect({ host: HOST, port })
  const lost = once(socket, 'error')
  await first.terminate()
  const [error] = await lost
  assert.instance(error, TlsError)
  assert.is(error.code, 'ERR_TLS_CLOSED')
  const second = await threadOf(() => ask(by, url))
  hold()
  const under = failed(by.connect({ host: HOST, port }))
  await holding()
  const ended = second.terminate()
  letGo()
  await within(ended, LIMIT_MS, 'the thread does not end')
  assert.is((await under).code, 'ERR_TLS_CLOSED')
  assert.is(await ask(by, url), 'Maria TLSv1.3')
})

on('a thread that dies of an error says which', async ({ card, server, agent }) => {
  const { port } = await server()
  const by = await agent(await card(), '9a', pin)
  const sockets: Array<Awaited<ReturnType<typeof by.connect>>> = []
  const thread = await threadOf(async () => sockets.push(await by.connect({ host: HOST, port })))
  const lost = once(sockets[0] as NodeJS.EventEmitter, 'error')
  thread.postMessage(null)
  const [error] = await lost
  assert.is(error.code, 'ERR_TLS_CLOSED')
  assert.instance(error.cause, Error)
})

on('a card that is closed', async ({ card, server, agent }) => {
  const it = await card()
  const { url } = await server()
  const by = await agent(it, '9a', pin)
  await ask(by, url)
  await it.close()
  assert.is(await ask(by, url), 'Maria TLSv1.3') // over the connection that is open
  by.destroy()
  const again = await failed(agent(it))
  assert.is(again.code, 'ERR_CARD_CLOSED')
})

on('a handshake that is given up by the request', async ({ card, server, agent }) => {
  const { url } = await server()
  const by = await agent(await card(), '9a', pin)
  const giveUp = new AbortController()
  const request = failed(by.fetch(url, { signal: giveUp.signal }))
  giveUp.abort()
  assert.is((await request).name, 'AbortError')
  assert.is((await failed(by.fetch(url, { signal: AbortSignal.abort() }))).name, 'AbortError')
  assert.is(await ask(by, url), 'Maria TLSv1.3')
})

on(
  'certificates that no server takes are refused before any handshake',
  async ({ ca, card, server, agent, subject }) => {
    const it = await card()
    const { url, connections } = await server({ rejectUnauthorized: false })
    const code = async (options: object = {}, slot = '9a') => (await failed(agent(it, slot, options))).code
    const put = async (wanted: Parameters<typeof certify>[3], slot = '9a') => {
      await subject.manage(it)
      await certify(it, slot, ca, wanted)
    }
    await put({ extensions: CLIENT, from: '20200101000000Z', to: '20200201000000Z' })
    assert.is(await code(), 'ERR_CERTIFICATE_UNFIT')
    assert.match((await failed(agent(it))).message, 'it has expired')
    await put({ extensions: CLIENT, from: '20480101000000Z' })
    assert.match((await failed(agent(it))).message, 'not valid yet')
    await put({ extensions: ['keyUsage=digitalSignature', 'extendedKeyUsage=serverAuth'] })
    assert.match((await failed(agent(it))).message, 'no client authentication')
    assert.is(connections(), 0)
    assert.is(await ask(await agent(it, '9a', { allowUnfit: true }), url), 'Maria TLSv1.3')
    await it.generateKey('9a')
    assert.is(await code(), 'ERR_CERTIFICATE_KEY')
    await it.deleteCertificate('9a')
    assert.is(await code(), 'ERR_CERTIFICATE_ABSENT')
    assert.is(await code({}, '9d'), 'ERR_KEY_ABSENT')
    assert.is(await code({}, 'nowhere'), 'ERR_SLOT')
  },
)

on("options that are the card's to say, or cannot be met", async ({ card, server, agent }) => {
  const it = await card()
  const { port, url } = await server()
  const by = await agent(it, '9a', pin)
  const refused: readonly object[] = [
    { key: 'x' },
    { cert: 'x' },
    { pfx: 'x' },
    { privateKeyIdentifier: 'x' },
    { checkServerIdentity: () => undefined },
    { lookup: () => undefined },
    { socket: {} },
  ]
  for (const options of refused) {
    assert.is((await failed(agent(it, '9a', options))).code, 'ERR_USAGE')
    assert.is((await failed(by.connect({ host: HOST, port, ...options }))).code, 'ERR_USAGE')
  }
  for (const handshakeTimeout of [0, -1, 30_001, Number.NaN]) {
    assert.is((await failed(agent(it, '9a', { handshakeTimeout }))).code, 'ERR_USAGE')
  }
  // Nor does a connection serve them that others have left.
  await ask(by, url)
  for (const options of refused) assert.is((await failed(ask(by, url, options))).code, 'ERR_USAGE')
  assert.is((await failed(by.connect({ host: HOST, port, ciphers: 'nonsense' }))).code, 'ERR_SSL_NO_CIPHER_MATCH')
  assert.is((await failed(by.fetch('http://localhost/'))).code, 'ERR_USAGE')
})

test.run()
