// takes: 8 s
// What a client may not do: too much, too slowly, too often, in another way. The CA goes on.
import { connect as plainConnect, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { LONGEST_BODY } from '../../src/lab-ca/server/http.ts'
import { run } from '../strangers/support/tools.ts'
import { within } from '../support/temp.ts'
import { ask, base64, enrol, type Lab, makeRequest, startLab } from './support.ts'

const lab = await startLab({ limits: { connections: 12 } })
/** One with little patience. */
const hasty = await startLab({ limits: { headersTimeout: 2000, requestTimeout: 3000 } })
test.after(async () => void (await Promise.all([lab.close(), hasty.close()])))

const PKCS10 = 'application/pkcs10'
const ENROL = '/.well-known/est/simpleenroll'
const portOf = ({ url }: Lab) => Number(new URL(url).port)

async function goesOn(of = lab): Promise<void> {
  assert.is((await ask(of, '/.well-known/est/cacerts')).status, 200)
}

/** A connection of our own, and all that came over it until it ended. */
function open(of = lab): Promise<{ readonly socket: TLSSocket; readonly ended: Promise<string> }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: portOf(of), host: '127.0.0.1', ca: of.pem }, () => resolve({ socket, ended }))
    const ended = untilEnd(socket)
    socket.once('error', reject)
  })
}

function untilEnd(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

const head = (length: number, more = '') =>
  `POST ${ENROL} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${Buffer.from('alice:correct horse').toString('base64')}\r\nContent-Type: ${PKCS10}\r\nContent-Length: ${length}\r\n${more}\r\n`

test('a body that is too long: by its length, and without one', async () => {
  const long = 'A'.repeat(LONGEST_BODY + 4)
  assert.is((await ask(lab, ENROL, { user: 'alice', type: PKCS10, body: long })).status, 413)
  const { socket, ended } = await open()
  socket.write(head(0, 'Transfer-Encoding: chunked\r\n').replace('Content-Length: 0\r\n', ''))
  const piece = 'B'.repeat(16_000)
  for (let sent = 0; sent < 6; sent += 1) socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`)
  assert.match(await within(ended, 120_000, 'end'), /^HTTP\/1\.1 413 /)
  await goesOn()
})

test('paths that are none, and names that every object has', async () => {
  for (const [path, status] of [
    ['//', 404],
    ['//certsrv/', 404],
    ['/certsrv/constructor', 404],
    ['/certsrv/__proto__', 404],
    ['/certsrv/toString', 404],
    ['/.well-known/est/constructor', 404],
    ['/.well-known/est/constructor/cacerts', 404],
    ['/.well-known/est/smartcard-user/valueOf', 404],
  ] as const) {
    const { socket, ended } = await open()
    const login = Buffer.from('alice:correct horse').toString('base64')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic ${login}\r\n\r\n`)
    assert.match(await within(ended, 120_000, path), new RegExp(`^HTTP/1.1 ${status} `), path)
  }
  assert.is((await ask(lab, '/certsrv/', { user: 'alice' })).status, 200)
  const { socket, ended } = await open()
  socket.write('GET https://[x/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  assert.match(await within(ended, 120_000, 'end'), /^HTTP\/1\.1 400 /)
  await goesOn()
})

test('a request that is too long, though the body is not', async () => {
  const { status, body } = await ask(lab, ENROL, { user: 'alice', type: PKCS10, body: 'A'.repeat(4 * 8000) })
  assert.is(status, 413)
  assert.match(body, 'A request has 16384 octets at most')
})

test('what is no base64, no PKCS#10, of another type, empty', async () => {
  for (const [body, type, status] of [
    ['%%%', PKCS10, 400],
    ['AAA', PKCS10, 400],
    ['AA=A', PKCS10, 400],
    ['', PKCS10, 400],
    [base64(utf8('hello')), PKCS10, 400],
    [base64(makeRequest()), 'text/plain', 415],
    [base64(makeRequest()), 'application/pkcs7-mime', 415],
  ] as const) {
    const reply = await ask(lab, ENROL, { user: 'alice', type, body })
    assert.is(reply.status, status, `${body.slice(0, 10)} ${type}: ${reply.body}`)
  }
  const lines = base64(makeRequest()).replace(/.{64}/g, '$&\r\n')
  assert.is(
    (await ask(lab, ENROL, { user: 'alice', type: `${PKCS10}; charset=us-ascii`, body: `${lines}\r\n` })).status,
    200,
  )
})

test('other methods, other operations, other labels, other places', async () => {
  assert.is((await ask(lab, ENROL, { user: 'alice' })).status, 405)
  assert.is((await ask(lab, '/.well-known/est/cacerts', { type: PKCS10, body: 'x' })).status, 405)
  for (const path of [
    '/',
    '/.well-known/est/',
    '/.well-known/est/fullcmc',
    '/.well-known/est/a/b/simpleenroll',
    '/.well-known/est/%ff/cacerts',
  ]) {
    const { status, body } = await ask(lab, path)
    assert.is(status, 404, path)
    assert.match(body, 'for laboratories and tests only')
  }
})

test('a head that comes too slowly, and a body that does', async () => {
  const head1 = await open(hasty)
  head1.socket.write('POST ')
  assert.match(await within(head1.ended, 120_000, 'a slow head'), /^HTTP\/1\.1 408 /)
  const body1 = await open(hasty)
  body1.socket.write(`${head(1000)}AAAA`)
  const drip = setInterval(() => body1.socket.write('A'), 100)
  const text = await within(body1.ended, 120_000, 'a slow body')
  clearInterval(drip)
  assert.ok(text === '' || /^HTTP\/1\.1 4/.test(text), text)
  await goesOn(hasty)
})

test('a handshake that does not go on, and one that is none', async () => {
  for (const said of ['', 'GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\xff\xff']) {
    const socket = plainConnect(portOf(hasty), '127.0.0.1')
    const ended = untilEnd(socket)
    if (said !== '') socket.write(Buffer.from(said, 'latin1'))
    await within(ended, 120_000, JSON.stringify(said))
  }
  await goesOn(hasty)
})

test('headers that are too long', async () => {
  const { socket, ended } = await open()
  socket.write(`GET / HTTP/1.1\r\nX: ${'x'.repeat(9000)}\r\n\r\n`)
  assert.match(await within(ended, 120_000, 'long headers'), /^HTTP\/1\.1 431 /)
  await goesOn()
})

test('more connections than there may be are not taken, and others are once they end', async () => {
  const many = await Promise.allSettled(Array.from({ length: 30 }, () => within(open(), 120_000, 'connection')))
  const taken = many.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  assert.ok(taken.length <= 12 && taken.length > 0, `${taken.length}`)
  for (const { socket } of taken) socket.destroy()
  await Promise.all(taken.map(({ ended }) => ended))
  // This end has closed them; the other hears of it in its own time.
  const room = async () => {
    const again = () =>
      goesOn().then(
        () => false,
        () => true,
      )
    while (await again());
  }
  await within(room(), 120_000, 'there is no room')
})

test('a client that goes away in the middle', async () => {
  const { socket, ended } = await open()
  socket.write(`${head(1000)}AAAA`)
  await new Promise(setImmediate)
  socket.destroy()
  await ended
  await goesOn()
})

test('a line of the log is one line of plain text, and holds no password', async () => {
  const { socket, ended } = await open()
  socket.write('GET /\u00e4%0a\x1b[31m HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await ended
  await enrol(lab, makeRequest())
  for (const line of lab.lines) assert.match(line, /^Laboratory CA: for laboratories and tests only\. [ -~]+$/)
  assert.not.match(lab.lines.join('\n'), /correct horse|Y29ycmVjd/)
})

test('TLS of old is not spoken', async () => {
  const url = `${lab.url}/.well-known/est/cacerts`
  const words = ['--silent', '--show-error', '--ciphers', 'DEFAULT@SECLEVEL=0', '--cacert', lab.certificateFile, url]
  assert.is((await run('curl', ['--tls-max', '1.2', ...words])).code, 0)
  const old = await run('curl', ['--tls-max', '1.1', ...words])
  assert.is(old.code, 35, old.stderr)
  assert.match(old.stderr, 'alert protocol version')
})

test.run()
