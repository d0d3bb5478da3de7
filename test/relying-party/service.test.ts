// takes: 5 s
// The service as a server and as a program: calls that make no sense, its own certificate, its command line.
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startService } from '../../examples/relying-party/service.ts'
import { startLab } from '../lab-ca/support.ts'
import { ok, run, startUntil } from '../strangers/support/tools.ts'
import { program } from '../support/program.ts'
import { tempDir, within } from '../support/temp.ts'
import { write } from './issue.ts'
import { ask, enrolled, MARIA, type Sample, startSample } from './support.ts'

const NAME = '<script>alert("x")</script> & Co'
const users = write(JSON.stringify({ [MARIA.address]: { user: MARIA.user, name: NAME } }))
const sample: Sample = await startSample({ users, times: { handshake: 300 } })
const { lab } = sample
const person = await enrolled(lab)
test.after(() => sample.close())

const JSON_TYPE = { 'Content-Type': 'application/json' }
const CALLS: ReadonlyArray<readonly [path: string, how: Parameters<typeof ask>[2], status: number, code: string]> = [
  ['/nothing', {}, 404, 'not-found'],
  ['//session', {}, 404, 'not-found'],
  ['/session/', {}, 404, 'not-found'],
  ['/', { method: 'DELETE' }, 405, 'wrong-method'],
  ['/session', { method: 'PUT', body: 'x' }, 405, 'wrong-method'],
  ['/challenge', {}, 405, 'wrong-method'],
  ['/challenge', { method: 'OPTIONS' }, 405, 'wrong-method'],
  ['/challenge', { body: '{"address":"maria@lab.example"}' }, 415, 'wrong-type'],
  ['/challenge', { body: 'address=x', headers: { 'Content-Type': 'text/plain' } }, 415, 'wrong-type'],
  ['/challenge', { body: '{', headers: JSON_TYPE }, 400, 'bad-request'],
  ['/challenge', { body: '', headers: JSON_TYPE }, 400, 'bad-request'],
  ['/challenge', { json: {} }, 400, 'bad-request'],
  ['/challenge', { json: { address: 'maria' } }, 400, 'bad-request'],
  ['/challenge', { json: { address: `${'x'.repeat(70)}@lab.example` } }, 400, 'bad-request'],
  ['/challenge', { json: { address: MARIA.address, more: 1 } }, 400, 'bad-request'],
  ['/challenge', { json: { address: 'x'.repeat(50_000) } }, 413, 'too-large'],
]
for (const [path, how, status, code] of CALLS) {
  test(`${how?.method ?? (how?.json || how?.body ? 'POST' : 'GET')} ${path}: ${code}`, async () => {
    const reply = await ask(sample, path, { ...how, person })
    assert.equal([reply.status, reply.json.error], [status, code])
    assert.match(reply.json.message ?? '', /^[A-Z].*\.$/)
  })
}

test('a page shows a name as text, and may load and be loaded by nothing', async () => {
  const { text, headers } = await ask(sample, '/', { person, headers: { Accept: 'text/html' } })
  assert.match(text, '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; Co')
  assert.not.match(text, '<script')
  assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/)
  assert.is(headers['cache-control'], 'no-store')
  assert.is(headers['access-control-allow-origin'], undefined)
})

test('who connects and says nothing is cut off', async () => {
  const { hostname, port } = new URL(sample.url)
  const socket = connect(Number(port), hostname)
  await within(new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve)), 120_000, 'the end')
})

test('its key and certificate: kept, its owner`s alone, and made anew where they are not good', async () => {
  const directory = tempDir('service')
  const start = async (names: readonly string[] = []) => {
    const again = await startSample({ directory, names }, lab)
    await again.close()
    return again
  }
  const first = await start()
  assert.ok(first.fresh)
  const key = join(directory, 'server.key')
  assert.is(statSync(key).mode & 0o777, 0o600)
  assert.is((await start()).pem, first.pem)
  const named = await start(['service.example'])
  assert.ok(named.fresh)
  assert.is((await start(['service.example'])).pem, named.pem)
  writeFileSync(key, readFileSync(join(sample.certificateFile, '../server.key')))
  assert.ok((await start()).fresh)
  rmSync(key)
  const last = await start()
  assert.ok(last.fresh)
  await ok('openssl', ['verify', '-CAfile', last.certificateFile, '-purpose', 'sslserver', last.certificateFile])
})

test('files that are not what they should be are named', async () => {
  const options = { host: '127.0.0.1', port: 0, directory: tempDir('service'), ca: lab.certificateFile, users }
  const fails = async (more: object, words: RegExp | string) => {
    const error = await startService({ ...options, ...more }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    assert.match((error as Error | undefined)?.message ?? 'nothing failed', words)
  }
  const [empty, bad] = [write(''), write('{ "maria": { "user": "maria", "name": "Maria" } }')]
  await fails({ ca: empty }, `${empty} has to hold certificates of CAs`)
  await fails({ ca: write(person.cert) }, 'has to hold certificates of CAs')
  await fails({ users: bad }, `${bad} is not a file of users such as`)
  await fails({ users: write(`{"a@b":{"user":"a","name":"A","admin":true}}`) }, 'not a file of users')
  await fails({ ca: join(tempDir('x'), 'ca.pem') }, 'The file of the CAs cannot be read: ENOENT')
  await fails({ port: Number(new URL(sample.url).port) }, 'something else is there')
})

const PROGRAM = program('examples/relying-party/main.ts')

test('the program says where it is and what it does, and ends when it is told to', async () => {
  const own = await startLab()
  const directory = tempDir('service')
  const files = ['--directory', directory, '--ca', own.certificateFile, '--users', users]
  const running = await startUntil(
    process.execPath,
    [...PROGRAM, ...files, '--listen', '127.0.0.1:0'],
    /^trust it by: .*$/m,
  )
  const [, url = ''] = /runs at (https:\S+) until/.exec(running.stdout()) ?? []
  const { stdout } = await ok('curl', ['-sS', '--cacert', join(directory, 'server.pem'), `${url}/session?secret=1`])
  assert.match(stdout, 'Nobody is signed in')
  assert.is(await running.stop(), 0)
  assert.is(running.stderr(), '127.0.0.1 GET /session 401 no-certificate\n')
  await own.close()
})

test('a command line that makes no sense', async () => {
  for (const words of [
    [],
    ['--directory', tempDir('x')],
    ['--nonsense'],
    ['--help'],
    ['--directory', 'x', '--ca', 'x', '--users', 'x', '--listen', 'x'],
  ]) {
    const { code, stderr } = await run(process.execPath, [...PROGRAM, ...words])
    assert.is(code, 2)
    assert.match(stderr, /usage: main.ts --directory DIR/)
  }
})

test.run()
