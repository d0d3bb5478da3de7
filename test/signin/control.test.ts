// takes: 6 s
// The socket of somebody who is signed in: what goes through it to the service, what does not, and when it is over.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { signOutElsewhere } from '../../src/signin/index.ts'
import { signInShared } from '../../src/signin/shared-session.ts'
import { gate, tempDir, within } from '../support/temp.ts'
import { forgedService } from './forged.ts'
import { ALICE, makeCard, PIN, startLab } from './support.ts'

const home = tempDir('home')
const lab = await startLab()
await (await makeCard(lab, { home, name: 'work' })).close()
const TOKEN = 't'.repeat(43)
const minute = () => new Date(Date.now() + 60_000).toISOString()

interface Heard {
  readonly call: string
  readonly headers: IncomingHttpHeaders
}

const heard: Heard[] = []
const held = gate()
/** What the service answers to calls of a test. */
const ANSWERS: Readonly<Record<string, unknown>> = { '/out': { error: 'signed-out', message: 'out' } }
const service = await forgedService((call, message, response, url) => {
  const [method, path = ''] = call.split(' ')
  if (call === 'POST /challenge')
    return { nonce: Buffer.alloc(32).toString('base64url'), audience: url, expires: minute() }
  if (call === 'POST /session') return { user: 'alice', address: ALICE, expires: minute(), session: TOKEN }
  heard.push({ call, headers: message.headers })
  if (path === '/cookies') response.setHeader('Set-Cookie', ['a=1', 'b=2']).setHeader('Keep-Alive', 'timeout=9')
  if (path === '/slow') return void held.promise.then(() => response.end('late'))
  if (path === '/cut')
    return void response.writeHead(200, { 'Content-Length': 100 }).write('x', () => response.destroy())
  return ANSWERS[path] ?? { method, path }
})
test.after(async () => {
  await service.close()
  await lab.close()
})

const options = { address: ALICE, service: service.url, ca: service.ca, method: 'challenge', pin: PIN, home } as const
const begin = () => signInShared(options, false)
const begun = await begin()
const { socket: socketPath } = begun
let { session, closed } = begun

interface Sent {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

async function ask(path: string, { method = 'GET', headers = {}, body }: Sent = {}) {
  const sent = request({ socketPath, path, method, headers: { Host: 'service', ...headers }, agent: false })
  sent.end(body)
  const [message] = await within(once(sent, 'response'), 120_000, `${method} ${path}`)
  return { status: message.statusCode, headers: message.headers as IncomingHttpHeaders, body: await text(message) }
}

test('methods, paths, bodies and headers go through; who asks is for the session to say', async () => {
  const big = Buffer.alloc(1_000_000, 'x')
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
    const answer = await ask('/a?b=1', { method, body: big, headers: { 'Content-Length': String(big.length) } })
    assert.equal(JSON.parse(answer.body), { method, path: '/a?b=1' })
    assert.is(service.bodies.at(-1)?.length, big.length, method)
  }
  for (const method of ['POST', 'DELETE'] as const) {
    await ask('/chunks', { method, body: 'chunks', headers: { 'Transfer-Encoding': 'chunked' } })
    assert.is(service.bodies.at(-1), 'chunks', method)
  }
  const forged = {
    Authorization: 'Bearer mine',
    'X-Own': 'kept',
    Connection: 'close, X-Hop',
    'X-Hop': 'between',
    'Proxy-Authorization': 'x',
  }
  await ask('/headers', { headers: forged })
  const { headers } = heard.at(-1) as Heard
  assert.equal([headers.authorization, headers['x-own'], headers['x-hop']], [`Bearer ${TOKEN}`, 'kept', undefined])
  assert.equal([headers.host, headers['proxy-authorization']], [new URL(service.url).host, undefined])
  const cookies = await ask('/cookies')
  assert.equal([cookies.headers['set-cookie'], cookies.headers['keep-alive']], [['a=1', 'b=2'], undefined])
  assert.is((await ask('/head', { method: 'HEAD' })).body, '')
})

test('nothing goes to anybody else', async () => {
  const before = heard.length
  for (const host of ['', 'tessera', 'other', 'service:81', 'service.example', '127.0.0.1'])
    assert.is((await ask('/', { headers: { Host: host } })).status, 421, host)
  for (const path of ['//elsewhere/', 'http://127.0.0.1:1/', '*'])
    assert.ok(((await ask(path)).status ?? 0) >= 400, path)
  assert.is((await ask('/session', { method: 'POST', headers: { Host: 'tessera' } })).status, 405)
  assert.is(heard.length, before)
  for (const line of [
    'CONNECT service:443 HTTP/1.1',
    'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket',
    'nonsense',
  ]) {
    const raw = connect(socketPath)
    raw.write(`${line}\r\nHost: service\r\n\r\n`)
    raw.resume().on('error', () => undefined)
    await within(once(raw, 'close'), 120_000, line)
  }
  assert.is(heard.length, before)
})

test('what breaks off, at either end, ends that call and no other', async () => {
  const sent = request({ socketPath, path: '/cut', headers: { Host: 'service' }, agent: false })
  sent.end()
  const [message] = await once(sent, 'response')
  await within(
    text(message).then(assert.unreachable, () => undefined),
    120_000,
    'the answer that is cut off',
  )
  const given = request({ socketPath, path: '/slow', headers: { Host: 'service' }, agent: false })
  given.on('error', () => undefined).end()
  while (heard.at(-1)?.call !== 'GET /slow') await new Promise((resolve) => setTimeout(resolve, 10))
  given.destroy()
  assert.is((await ask('/after')).status, 200)
})

test('an answer that says that nobody is signed in comes through, and ends the session', async () => {
  const { status, body } = await ask('/out')
  assert.equal([status, JSON.parse(body).error], [401, 'signed-out'])
  assert.equal(await within(session.ended, 120_000, 'the end'), { reason: 'service', told: true })
  await within(closed, 120_000, 'the socket')
  assert.not(existsSync(socketPath))
})

test('signed out while a call is under way: the call ends, and whoever signs out is told', async () => {
  ;({ session, closed } = await begin())
  const slow = ask('/slow').then(
    ({ status }) => status,
    () => 'broken off',
  )
  while (heard.at(-1)?.call !== 'GET /slow') await new Promise((resolve) => setTimeout(resolve, 10))
  assert.is((await signOutElsewhere(ALICE, { home })).reason, 'signed-out')
  assert.not(existsSync(socketPath))
  assert.ok(['broken off', 502].includes((await within(slow, 120_000, 'the call')) ?? 0))
  await within(closed, 120_000, 'the socket')
  held.open()
})

test('a card that another program holds up is let go of slowly, and whoever signs out is told all the same', async () => {
  ;({ session, closed } = await begin())
  const close = session.card.close.bind(session.card)
  const slowly = () => new Promise((resolve) => setTimeout(resolve, 3000)).then(close)
  Object.defineProperty(session.card, 'close', { value: slowly })
  assert.is((await signOutElsewhere(ALICE, { home })).reason, 'signed-out')
  await within(closed, 120_000, 'the socket')
})

test('the service is down: said as such', async () => {
  ;({ session, closed } = await begin())
  await service.close()
  const { status, body } = await ask('/')
  assert.equal([status, JSON.parse(body).error], [502, 'ERR_SERVICE_UNAVAILABLE'])
  await session.signOut()
  await closed
})

test.run()
