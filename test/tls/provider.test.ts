// The native half: keys of the provider in TLS, where a thread inside OpenSSL waits. Whatever is answered there, or not, no
// thread waits for ever and none is brought down.
// takes: 6 s
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { copyFileSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type tls from 'node:tls'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { pemOf, pkcs8 } from '../../src/keys/pkcs8.ts'
import { type NativeKeyRequest, type NativeProviderKey, native } from '../../src/native.ts'
import { readIdentity } from '../../src/tls/identity.ts'
import { CardKey } from '../../src/tls/key.ts'
import { PIN, startSubject } from '../contract/subjects.ts'
import { at, certificate, type KEY_KINDS } from '../enroll/support/openssl.ts'
import { configured } from '../keys/support/configuration.ts'
import { tempDir, within } from '../support/temp.ts'
import { enrolled } from './support/cards.ts'
import { slowed } from './support/slow.ts'
import { LIMIT_MS } from './support/stage.ts'
import { authority, CLIENT, startServer, type TestServer } from './support/world.ts'

const { ProviderKey, registerProvider } = native()
const addon = new URL('../../native/build/Release/tessera.node', import.meta.url).pathname
const ca = authority('ca')
let server: TestServer

test.before(async () => {
  server = await startServer(ca)
})
test.after(() => server?.stop())

test('the provider is registered, as often as one likes', () => {
  assert.is(registerProvider(), true)
  assert.is(registerProvider(), true)
})

test('two copies of the addon in one process: each has a provider of its own', async () => {
  const copy = join(tempDir('copy'), 'tessera.node')
  copyFileSync(addon, copy)
  const other = createRequire(import.meta.url)(copy) as ReturnType<typeof native>
  assert.is(other.registerProvider(), true)
  const { cert, spki } = KEYS['P-256']
  for (const [one, another] of [
    [native(), other],
    [other, native()],
  ] as const) {
    let asked = 0
    const idle = new another.ProviderKey(spki, () => assert.unreachable())
    const key: NativeProviderKey = new one.ProviderKey(spki, ({ id }) => {
      asked += 1
      key.refuse(id, 'no')
    })
    assert.is.not(await connected(cert, pem(spki, key.token)), 'secure')
    key.close()
    idle.close()
    assert.is(asked, 1)
  }
})

/** A certificate whose key no card has. */
function keyOf(kind: keyof typeof KEY_KINDS): { readonly cert: string; readonly spki: Uint8Array } {
  const name = `key-${kind}`
  const der = certificate(name, { by: 'ca', kind, extensions: CLIENT })
  const spki = new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' })
  return { cert: readFileSync(at(`${name}.pem`), 'utf8'), spki: Uint8Array.from(spki) }
}
const KEYS = { 'P-256': keyOf('P-256'), 'P-384': keyOf('P-384'), 'RSA-2048': keyOf('RSA-2048') } as const

/** PEM that stands for the key with that token. */
const pem = (spki: Uint8Array, token: string): string => pemOf(pkcs8(spki, token))

/** A connection in a thread of its own: `secure`, or what became of it. */
function connected(cert: string, key: string, options: tls.ConnectionOptions = {}): Promise<string> {
  const given = { host: '127.0.0.1', port: server.port, rejectUnauthorized: false, ...options }
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    try {
      const socket = require('node:tls').connect(workerData)
      socket.on('secureConnect', () => { parentPort.postMessage('secure'); socket.destroy() })
      socket.on('error', (error) => { parentPort.postMessage(error.code ?? error.message); socket.destroy() })
    } catch (error) {
      parentPort.postMessage(error.code ?? error.message)
    }`
  const workerData = { ...given, cert, key }
  const worker = new Worker(program, { eval: true, workerData })
  const said = new Promise<string>((resolve) => {
    worker.once('message', resolve)
    worker.once('error', (error) => resolve(error.message))
  })
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  return within(
    said.then(async (word) => {
      await ended
      return word
    }),
    LIMIT_MS,
    'the thread does not end',
  )
}

/** A key for the time of `work`. */
async function withKey<T>(
  spki: Uint8Array,
  asked: (request: NativeKeyRequest, key: NativeProviderKey) => void,
  work: (pem: string, key: NativeProviderKey) => Promise<T>,
): Promise<T> {
  const key: NativeProviderKey = new ProviderKey(spki, (request) => asked(request, key))
  try {
    return await work(pem(spki, key.token), key)
  } finally {
    key.close()
  }
}

const ANSWERS: Readonly<Record<keyof typeof KEYS, readonly number[]>> = {
  'P-256': [0, 1, 8, 71, 72, 73, 4000],
  'P-384': [0, 103, 104, 105],
  'RSA-2048': [0, 1, 255, 257, 256, 4000],
}
for (const [kind, lengths] of Object.entries(ANSWERS) as Array<[keyof typeof KEYS, readonly number[]]>) {
  test(`${kind}: no answer of whatever length is a signature, and none does harm`, async () => {
    const { cert, spki } = KEYS[kind]
    for (const length of lengths) {
      const words = await withKey(
        spki,
        ({ id }, key) => {
          assert.is(key.answer(id, Uint8Array.from(randomBytes(length))), true)
          assert.is(key.answer(id, Uint8Array.of(1)), false, 'answered twice')
        },
        (named) => connected(cert, named, { maxVersion: 'TLSv1.2' }),
      )
      assert.is.not(words, 'secure', `${length} octets`)
    }
  })
}

test('what is asked: a digest of the hash, and with an RSA key how it is padded', async () => {
  const asked: NativeKeyRequest[] = []
  const refuse = (request: NativeKeyRequest, key: NativeProviderKey) => {
    asked.push(request)
    assert.is(key.refuse(request.id, 'no'), true)
  }
  const version = (maxVersion: tls.SecureVersion) => ({ minVersion: maxVersion, maxVersion })
  for (const [kind, octets, hash, padding, saltLength, options] of [
    ['P-256', 32, 'SHA-256', '', 0, version('TLSv1.3')],
    ['P-384', 48, 'SHA-384', '', 0, version('TLSv1.3')],
    ['RSA-2048', 32, 'SHA-256', 'pss', 32, version('TLSv1.3')],
    [
      'RSA-2048',
      48,
      'SHA-384',
      'pss',
      48,
      { ...version('TLSv1.2'), sigalgs: 'rsa_pss_rsae_sha384:ecdsa_secp256r1_sha256' },
    ],
    ['RSA-2048', 64, 'SHA-512', 'pkcs1', 0, { ...version('TLSv1.2'), sigalgs: 'RSA+SHA512:ecdsa_secp256r1_sha256' }],
  ] as const) {
    await withKey(KEYS[kind].spki, refuse, (named) => connected(KEYS[kind].cert, named, options))
    const { octets: given, ...how } = asked.pop() as NativeKeyRequest
    assert.equal([given.length, how.hash, how.padding, how.saltLength], [octets, hash, padding, saltLength])
    assert.is(asked.length, 0)
  }
})

test('the card does not answer: the thread waits no longer than it may, and the reason is said', async () => {
  const subject = await startSubject('memory')
  const { card, hold, letGo } = slowed((await enrolled(subject, ca)).channel)
  await card.verifyPin(PIN)
  const { info, chain } = await readIdentity(card, '9a', undefined)
  const key = new CardKey(card, info, chain, { minTriesLeft: 2, patience: 300 })
  const answers: unknown[] = []
  const handshake = {
    signal: new AbortController().signal,
    asked: () => undefined,
    answered: (refusal?: unknown) => void answers.push(refusal),
  }
  const { identity } = key.begin(handshake)
  hold()
  const start = performance.now()
  assert.is.not(await connected(identity.cert, identity.key), 'secure')
  assert.ok(performance.now() - start >= 300)
  assert.is(answers.length, 0)
  letGo()
  key.close()
  await subject.stop()
})

test('a key that is closed lets go of whoever waits, and of whoever comes', async () => {
  const { cert, spki } = KEYS['P-256']
  let late = true
  let closed = ''
  const words = await withKey(
    spki,
    ({ id }, key) => {
      key.close()
      late = key.answer(id, Uint8Array.of(1))
    },
    (named) => {
      closed = named
      return connected(cert, named)
    },
  )
  assert.is.not(words, 'secure')
  assert.is(late, false)
  const loaded = await withKey(
    spki,
    () => assert.unreachable(),
    (named, key) => {
      server.connected = () => key.close() // the thread has the key already
      return connected(cert, named)
    },
  )
  server.connected = undefined
  assert.is.not(loaded, 'secure')
  assert.is.not(await connected(cert, closed), 'secure')
})

test('what names no key is refused; so is a certificate of another key', async () => {
  const { cert, spki } = KEYS['P-256']
  await withKey(
    spki,
    () => assert.unreachable(),
    async (named, { token }) => {
      for (const wrong of [
        '',
        'x',
        token.slice(1),
        `${token}0`,
        ` ${token}`,
        token.toUpperCase(),
        `${token}\0`,
        '0'.repeat(9000),
      ]) {
        if (wrong !== token) assert.is.not(await connected(cert, pem(spki, wrong)), 'secure', wrong)
      }
      assert.is(await connected(KEYS['P-384'].cert, named), 'ERR_OSSL_X509_KEY_VALUES_MISMATCH')
    },
  )
})

test('what is no argument is a TypeError', () => {
  const isTypeError = (error: unknown) => error instanceof TypeError
  const { spki } = KEYS['P-256']
  const ed = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' })
  const others = [new Uint8Array(0), Uint8Array.from(randomBytes(91)), Uint8Array.from(ed)]
  for (const given of [[], [1, () => {}], [spki, 2], ...others.map((other) => [other, () => {}])]) {
    assert.throws(() => Reflect.construct(ProviderKey, given), isTypeError)
  }
  const key = new ProviderKey(spki, () => {})
  for (const given of [[], ['1', new Uint8Array(1)], [1, 'x'], [-1, new Uint8Array(1)], [2 ** 60, new Uint8Array(1)]]) {
    assert.throws(() => Reflect.apply(key.answer, key, given), isTypeError)
  }
  assert.throws(() => Reflect.apply(key.refuse, key, [1]), isTypeError)
  assert.is(key.answer(1, new Uint8Array(1)), false)
  key.close()
  key.close()
  assert.is(key.refuse(1, 'no'), false)
})

test('a thread that reads the addon in twice, and has itself watched by both', () => {
  const program = `
    const addon = ${JSON.stringify(addon)}
    const first = require(addon)
    delete require.cache[addon]
    for (const one of [first, require(addon), first]) one.watchThreadTermination()`
  const thread = `new (require('node:worker_threads').Worker)(${JSON.stringify(program)}, { eval: true })`
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', thread], { encoding: 'utf8' })
  assert.equal([status, signal], [0, null], stderr)
})

test('an OpenSSL that takes no provider: the addon is there, and says that this is not', () => {
  const program = `console.log(require(${JSON.stringify(addon)}).registerProvider())`
  const run = (env: object) =>
    spawnSync(process.execPath, ['-e', program], { env: { ...process.env, ...env }, encoding: 'utf8' })
  assert.is(run({}).stdout, 'true\n')
  const { status, stdout, stderr } = run(configured('defaultOnly'))
  assert.equal([status, stdout], [0, 'false\n'], stderr)
})

test.run()
