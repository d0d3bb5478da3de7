// takes: 8 s
// The way to a CA: who is believed, where it leads, how long and how much; what went wrong, in words.

import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { EXIT_CODES } from '../../src/cli/exit.ts'
import { LONGEST_ANSWER } from '../../src/enroll/protocol.ts'
import { Connection } from '../../src/enroll/protocols/connection.ts'
import { estProtocol } from '../../src/enroll/protocols/est.ts'
import { wordsOf } from '../../src/enroll/protocols/faults.ts'
import { makeKey, makeRequest, openssl, scratchFile, startLab } from '../lab-ca/support.ts'
import { within } from '../support/temp.ts'
import { address, caError, login, scripted } from './protocols-support.ts'

const lab = await startLab()
const other = await startLab()
const server = await scripted(await lab.registration.authority.serverIdentity(['127.0.0.1']))
const plain = await scripted()
test.after(async () => {
  await Promise.all([lab.close(), other.close(), server.close(), plain.close()])
})

const request = makeRequest()
const there = estProtocol(address(lab, { url: server.url }))
const hasty = estProtocol(address(lab, { url: server.url, timeout: 1500 }))
/** Who asks is told to nobody that is not believed. */
const untold = () => {
  for (const { headers } of plain.seen) assert.is(headers.authorization, undefined)
}

test('a server of another CA is not believed, and is told nothing', async () => {
  const error = await caError('ERR_CA_UNTRUSTED', estProtocol(address(lab, { url: other.url })).submit(request))
  assert.match(error.message, '--ca-file')
  const known = await caError('ERR_CA_UNTRUSTED', estProtocol({ url: lab.url, credentials: login() }).submit(request))
  assert.match(known.message, 'a CA that is not known here')
  assert.is(other.lines.length, 0)
  assert.is(EXIT_CODES[error.code], 10)
})

test('a certificate for another host', async () => {
  const elsewhere = await scripted(await lab.registration.authority.serverIdentity(['elsewhere.example']))
  const own = estProtocol(address(lab, { url: elsewhere.url }))
  assert.match((await caError('ERR_CA_UNTRUSTED', own.submit(request))).message, 'for other names')
  assert.is(elsewhere.seen.length, 0)
  await elsewhere.close()
})

test('an address with a host in its path stays the address of its own host', async () => {
  const elsewhere = await scripted(await lab.registration.authority.serverIdentity(['127.0.0.1']))
  server.answer = (response) => response.writeHead(500).end()
  const own = estProtocol(address(lab, { url: server.url + new URL(elsewhere.url).href.replace(/^https:/, '') }))
  await caError('ERR_CA_UNAVAILABLE', own.submit(request))
  assert.equal([elsewhere.seen.length, server.seen.at(-1)?.url.slice(0, 12)], [0, '//127.0.0.1:'])
  await elsewhere.close()
})

/** A server certificate by openssl, for what the laboratory CA would not issue. */
function certificate(
  name: string,
  signer: readonly string[],
  more: readonly string[],
): { certificate: string; key: string } {
  const [key, csr, path] = [makeKey(), scratchFile(`${name}.csr`), scratchFile(`${name}.pem`)]
  openssl(
    'req',
    '-new',
    '-key',
    key,
    '-subj',
    `/CN=${name}`,
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    ...more,
    '-out',
    csr,
  )
  const by = signer.length === 0 ? ['-signkey', key] : signer
  openssl('x509', '-req', '-in', csr, ...by, '-copy_extensions', 'copy', '-out', path)
  return { certificate: readFileSync(path, 'utf8'), key: readFileSync(key, 'utf8') }
}

const bySigner = [
  '-CA',
  lab.certificateFile,
  '-CAkey',
  lab.directory.keyFile,
  '-CAserial',
  scratchFile('serial'),
  '-CAcreateserial',
]
const unbelievable: ReadonlyArray<
  readonly [what: string, signer: readonly string[], more: readonly string[], words: string | RegExp]
> = [
  ['expired', [...bySigner, '-days', '-1'], [], 'has expired'],
  ['signed by itself', [], [], /signed by itself.*give it with --ca-file/],
  ['of a client', bySigner, ['-addext', 'extendedKeyUsage=clientAuth'], 'not for servers'],
]
for (const [what, signer, more, words] of unbelievable) {
  test(`a certificate ${what}`, async () => {
    const bad = await scripted(certificate(what.replace(/ /g, '-'), signer, more))
    const error = await caError('ERR_CA_UNTRUSTED', estProtocol(address(lab, { url: bad.url })).submit(request))
    assert.match(error.message, words)
    assert.is(bad.seen.length, 0)
    await bad.close()
  })
}

test('the environment cannot switch verification off', async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  try {
    await caError('ERR_CA_UNTRUSTED', estProtocol(address(lab, { url: other.url })).submit(request))
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  }
})

test('a server without TLS, one that is not there, a name that is none', async () => {
  const wrong = plain.url.replace('http:', 'https:')
  assert.match(
    (await caError('ERR_CA_UNAVAILABLE', estProtocol(address(lab, { url: wrong })).submit(request))).message,
    'no TLS',
  )
  const gone = await caError(
    'ERR_CA_UNAVAILABLE',
    estProtocol(address(lab, { url: 'https://127.0.0.1:1' })).submit(request),
  )
  assert.match(gone.message, 'nobody listens there')
  assert.is(EXIT_CODES[gone.code], 1)
  await caError('ERR_CA_UNAVAILABLE', estProtocol(address(lab, { url: 'https://nobody.invalid' })).submit(request))
  untold()
})

test('a server that wants a certificate of the client: who has none is told so', async () => {
  const identity = await lab.registration.authority.serverIdentity(['127.0.0.1'])
  for (const [maxVersion, code] of [
    // Before TLS 1.3 a server cannot say that this is what it misses.
    ['TLSv1.2', 'ERR_CA_UNAVAILABLE'],
    ['TLSv1.3', 'ERR_CA_LOGIN'],
  ] as const) {
    const strict = await scripted(identity, { requestCert: true, rejectUnauthorized: true, ca: lab.pem, maxVersion })
    try {
      const error = await caError(code, estProtocol(address(lab, { url: strict.url })).submit(request))
      assert.match(error.message, 'certificate')
      assert.is(strict.seen.length, 0)
    } finally {
      await strict.close()
    }
  }
})

test('redirects: followed on the same host, refused to http, to another host, without end, and for a request', async () => {
  const to = (status: number, location: string | undefined) => {
    server.answer = (response, { url }) => {
      if (url.startsWith('/next/')) response.writeHead(200, { 'Content-Type': 'x/y' }).end('there')
      else response.writeHead(status, location === undefined ? {} : { Location: location }).end()
    }
  }
  const connection = new Connection(address(lab, { url: server.url }))
  const get = () => connection.call({ method: 'GET', path: '/a' })
  const post = () => connection.call({ method: 'POST', path: '/a', body: 'x' })
  for (const status of [301, 302, 303, 307, 308]) {
    to(status, '/next/x')
    assert.is(Buffer.from((await get()).body).toString(), 'there')
  }
  to(307, `${server.url}/next/x`)
  assert.is((await post()).type, 'x/y')
  assert.is(server.seen.at(-1)?.body, 'x')
  for (const [location, code] of [
    [`${plain.url}/x`, 'ERR_CA_UNTRUSTED'],
    [server.url.replace('https', 'http'), 'ERR_CA_UNTRUSTED'],
    ['ftp://x/', 'ERR_CA_UNTRUSTED'],
    [`${other.url}/next/`, 'ERR_CA_ANSWER'],
    ['/again', 'ERR_CA_ANSWER'],
    ['https://[', 'ERR_CA_ANSWER'],
    [undefined, 'ERR_CA_ANSWER'],
  ] as const) {
    to(307, location)
    await caError(code, get())
    await caError(code, post())
  }
  to(302, '/next/x')
  await caError('ERR_CA_ANSWER', post())
  assert.equal([plain.seen.length, other.lines.length], [0, 0])
})

const statuses: ReadonlyArray<readonly [status: number, code: Parameters<typeof caError>[0]]> = [
  [400, 'ERR_CA_REFUSED'],
  [401, 'ERR_CA_LOGIN'],
  [403, 'ERR_CA_REFUSED'],
  [404, 'ERR_CA_ANSWER'],
  [405, 'ERR_CA_ANSWER'],
  [413, 'ERR_CA_REFUSED'],
  [418, 'ERR_CA_ANSWER'],
  [429, 'ERR_CA_UNAVAILABLE'],
  [500, 'ERR_CA_UNAVAILABLE'],
  [501, 'ERR_CA_ANSWER'],
  [503, 'ERR_CA_UNAVAILABLE'],
]
for (const [status, code] of statuses) {
  test(`HTTP status ${status}: ${code}, with the words of the CA`, async () => {
    server.answer = (response) =>
      response.writeHead(status, { 'Content-Type': 'text/plain' }).end('Because\n\u001b[31mof it.')
    const error = await caError(code, there.submit(request))
    assert.is(error.words, 'Because [31mof it.')
    assert.is(error.status, status)
    server.answer = (response) => response.writeHead(status).end(utf8('\u0000\u0001'))
    assert.is((await caError(code, there.submit(request))).words, undefined)
  })
}

test('the words of pages: without tags, scripts and what is not to be seen, and not too many', () => {
  const page =
    '<html><head><title>x</title></head><script>evil()</script><p>Not &lt;now&gt; &amp;<b>never</b><!-- a --></p>'
  assert.is(wordsOf('text/html', utf8(page)), 'Not <now> & never')
  assert.is(wordsOf('text/plain', utf8(`a\u202eb\r\n${'c'.repeat(1000)}`)).length, 403)
  assert.is(wordsOf('application/json', utf8('{}')), '')
})

test('answers without end, by their length and without one; encoded ones', async () => {
  const big = 'A'.repeat(LONGEST_ANSWER + 1)
  server.answer = (response) => response.writeHead(200, { 'Content-Length': big.length }).end(big)
  await caError('ERR_CA_ANSWER', there.submit(request))
  server.answer = (response) => {
    response.writeHead(200)
    const more = () => {
      if (!response.destroyed) response.write('B'.repeat(65_536), () => setImmediate(more))
    }
    more()
  }
  await caError('ERR_CA_ANSWER', there.submit(request))
  server.answer = (response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('x')
  await caError('ERR_CA_ANSWER', there.submit(request))
})

test('answers that are cut off: before, in the head, in the body', async () => {
  for (const answer of [
    ({ socket }) => socket?.destroy(),
    ({ socket }) => socket?.end('HTTP/1.1 200'),
    ({ socket }) => socket?.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nAAAA'),
    ({ socket }) => socket?.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nAAAAA\r\n'),
  ] as Array<(typeof server)['answer']>) {
    server.answer = answer
    await caError('ERR_CA_UNAVAILABLE', there.submit(request))
  }
  for (const text of [
    'HTTP/9.9 hello\r\n\r\n',
    'hello\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  ]) {
    server.answer = ({ socket }) => socket?.end(text)
    await caError('ERR_CA_ANSWER', there.submit(request))
  }
})

test('a CA that does not answer, one that drips, and one whose TLS does not begin', async () => {
  server.answer = () => undefined
  const silent = await caError('ERR_CA_UNAVAILABLE', within(hasty.submit(request), 120_000, 'silence'))
  assert.match(silent.message, 'does not answer')
  let drip: NodeJS.Timeout | undefined
  server.answer = (response) => {
    response.writeHead(200)
    drip = setInterval(() => response.write('A'), 50)
  }
  await caError('ERR_CA_UNAVAILABLE', within(hasty.submit(request), 120_000, 'drip'))
  clearInterval(drip)
  const mute = createServer(() => undefined).listen(0, '127.0.0.1')
  await new Promise((resolve) => mute.once('listening', resolve))
  const url = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`
  await caError(
    'ERR_CA_UNAVAILABLE',
    within(estProtocol(address(lab, { url, timeout: 500 })).submit(request), 120_000, 'mute'),
  )
  mute.close()
})

test('stopped by who asked: before, and in the middle', async () => {
  const reason = new Error('enough')
  const before = await there.submit(request, { signal: AbortSignal.abort(reason) }).catch((error: unknown) => error)
  assert.is(before, reason)
  const stop = new AbortController()
  server.answer = () => stop.abort(reason)
  assert.is(await there.submit(request, { signal: stop.signal }).catch((error: unknown) => error), reason)
})

test('the CA ends in the middle, and is there again', async () => {
  const short = await startLab()
  const client = estProtocol(address(short))
  await client.cacerts()
  await short.close()
  await caError('ERR_CA_UNAVAILABLE', client.submit(request))
  const again = await startLab({ directory: short.directory.path, port: Number(new URL(short.url).port) })
  assert.ok('certificate' in (await client.submit(request)))
  await again.close()
})

test.run()
