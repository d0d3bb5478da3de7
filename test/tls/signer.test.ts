// The native half: the engine, and the signer where a thread inside of OpenSSL waits. Whatever is answered there, or not, no
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
import { type NativeSignatureRequest, type NativeTlsSigner, native } from '../../src/native.ts'
import { at, certificate, type KEY_KINDS } from '../enroll/support/openssl.ts'
import { tempDir, within } from '../support/temp.ts'
import { LIMIT_MS } from './support/stage.ts'
import { withoutEngines } from './support/without-engines.ts'
import { authority, CLIENT, startServer, type TestServer } from './support/world.ts'

const { TlsSigner, registerTlsEngine } = native()
const addon = new URL('../../native/build/Release/tessera.node', import.meta.url).pathname
const ca = authority('ca')
let server: TestServer

test.before(async () => {
  server = await startServer(ca)
})
test.after(() => server?.stop())

test('the engine is registered, as often as one likes', () => {
  assert.is(registerTlsEngine(), 'tessera')
  assert.is(registerTlsEngine(), 'tessera')
})

test('two copies of the addon in one process: each has an engine of its own', async () => {
  const copy = join(tempDir('copy'), 'tessera.node')
  copyFileSync(addon, copy)
  const other = createRequire(import.meta.url)(copy) as ReturnType<typeof native>
  assert.is(other.registerTlsEngine(), 'tessera-2')
  const { cert, spki } = KEYS['P-256']
  let asked = 0
  const signer: NativeTlsSigner = new other.TlsSigner(spki, ({ id }) => {
    asked += 1
    signer.refuse(id)
  })
  const options = { privateKeyEngine: 'tessera-2' }
  assert.is.not(await connected(cert, `${signer.number}.1`, options), 'secure')
  signer.close()
  assert.is(asked, 1)
})

/** A certificate whose key is in nobody's signer but `made`. */
function keyOf(kind: keyof typeof KEY_KINDS): { readonly cert: string; readonly spki: Uint8Array } {
  const name = `key-${kind}`
  const der = certificate(name, { by: 'ca', kind, extensions: CLIENT })
  const spki = new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' })
  return { cert: readFileSync(at(`${name}.pem`), 'utf8'), spki: Uint8Array.from(spki) }
}
const KEYS = { 'P-256': keyOf('P-256'), 'P-384': keyOf('P-384'), 'RSA-2048': keyOf('RSA-2048') } as const

/** A connection in a thread of its own: `secure`, or what became of it. */
function connected(cert: string, identifier: string, options: tls.ConnectionOptions = {}): Promise<string> {
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
  const workerData = { ...given, cert, privateKeyEngine: 'tessera', privateKeyIdentifier: identifier, ...options }
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

/** A signer for the time of `work`. */
async function withSigner<T>(
  spki: Uint8Array,
  asked: (request: NativeSignatureRequest, signer: NativeTlsSigner) => void,
  work: (signer: NativeTlsSigner) => Promise<T>,
  patience?: number,
): Promise<T> {
  const signer: NativeTlsSigner = new TlsSigner(spki, (request) => asked(request, signer), patience)
  try {
    return await work(signer)
  } finally {
    signer.close()
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
      const words = await withSigner(
        spki,
        ({ id }, signer) => {
          assert.is(signer.answer(id, Uint8Array.from(randomBytes(length))), true)
          assert.is(signer.answer(id, Uint8Array.of(1)), false, 'answered twice')
        },
        (signer) => connected(cert, `${signer.number}.1`, { maxVersion: 'TLSv1.2' }),
      )
      assert.is.not(words, 'secure', `${length} octets`)
    }
  })
}

test('what is asked: a digest of the hash, a block as long as the key; for the connection that wants it', async () => {
  const asked: NativeSignatureRequest[] = []
  const refuse = (request: NativeSignatureRequest, signer: NativeTlsSigner) => {
    asked.push(request)
    assert.is(signer.refuse(request.id), true)
  }
  for (const [kind, length] of [
    ['P-256', 32],
    ['P-384', 48],
    ['RSA-2048', 256],
  ] as const) {
    await withSigner(KEYS[kind].spki, refuse, (signer) => connected(KEYS[kind].cert, `${signer.number}.4294967295`))
    const { connection, octets, kind: what } = asked.pop() as NativeSignatureRequest
    assert.equal([connection, octets.length, what], [4294967295, length, kind === 'RSA-2048' ? 'block' : 'digest'])
    assert.is(asked.length, 0)
  }
})

test('nobody answers: the thread waits no longer than it may', async () => {
  const start = performance.now()
  const words = await withSigner(
    KEYS['P-256'].spki,
    () => {},
    (signer) => connected(KEYS['P-256'].cert, `${signer.number}.1`),
    300,
  )
  assert.is.not(words, 'secure')
  assert.ok(performance.now() - start >= 300)
})

test('a signer that is closed lets go of whoever waits, and of whoever comes', async () => {
  const { cert, spki } = KEYS['P-256']
  let number = 0
  let late = 0
  const words = await withSigner(
    spki,
    ({ id }, signer) => {
      signer.close()
      late = Number(signer.answer(id, Uint8Array.of(1)))
    },
    (signer) => {
      number = signer.number
      return connected(cert, `${signer.number}.1`)
    },
  )
  assert.is.not(words, 'secure')
  assert.is(late, 0)
  const loaded = await withSigner(
    spki,
    () => assert.unreachable(),
    (signer) => {
      server.connected = () => signer.close() // the thread has the key already
      return connected(cert, `${signer.number}.1`)
    },
  )
  server.connected = undefined
  assert.is.not(loaded, 'secure')
  assert.is.not(await connected(cert, `${number}.1`), 'secure')
})

test('what is no identifier of a key is refused; so is a certificate of another key', async () => {
  const { cert, spki } = KEYS['P-256']
  await withSigner(
    spki,
    () => assert.unreachable(),
    async ({ number }) => {
      const wrong = ['', 'x', '1', `${number}.`, `.${number}`, `${number}.1.2`, `${number}.-1`, ` ${number}.1`, '0.1']
      for (const identifier of [...wrong, `${number}.4294967296`, '99999999999.1', `${number}.${'1'.repeat(9000)}`]) {
        assert.is.not(await connected(cert, identifier), 'secure', identifier)
      }
      assert.is(await connected(KEYS['P-384'].cert, `${number}.1`), 'ERR_OSSL_X509_KEY_VALUES_MISMATCH')
    },
  )
  const ed = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' })
  for (const other of [new Uint8Array(0), Uint8Array.from(randomBytes(91)), Uint8Array.from(ed)]) {
    await withSigner(
      other,
      () => assert.unreachable(),
      async ({ number }) => assert.is.not(await connected(cert, `${number}.1`), 'secure'),
    )
  }
})

test('what is no argument is a TypeError', () => {
  const isTypeError = (error: unknown) => error instanceof TypeError
  for (const given of [[], [1, () => {}], [new Uint8Array(1), 2], [new Uint8Array(1), () => {}, -1]]) {
    assert.throws(() => Reflect.construct(TlsSigner, given), isTypeError)
  }
  assert.throws(() => Reflect.construct(TlsSigner, [new Uint8Array(1), () => {}, 30_001]), isTypeError)
  const signer = new TlsSigner(new Uint8Array(1), () => {})
  for (const given of [[], ['1', new Uint8Array(1)], [1, 'x'], [-1, new Uint8Array(1)], [2 ** 60, new Uint8Array(1)]]) {
    assert.throws(() => Reflect.apply(signer.answer, signer, given), isTypeError)
  }
  assert.is(signer.answer(1, new Uint8Array(1)), false)
  signer.close()
  signer.close()
  assert.is(signer.refuse(1), false)
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

test('a Node without engines: the addon is there, and says that this is not', () => {
  const program = `console.log(require(${JSON.stringify(addon)}).registerTlsEngine())`
  const run = (env: object) =>
    spawnSync(process.execPath, ['-e', program], { env: { ...process.env, ...env }, encoding: 'utf8' })
  assert.is(run({}).stdout, 'tessera\n')
  const { status, stdout, stderr } = run(withoutEngines())
  assert.equal([status, stdout], [0, 'undefined\n'], stderr)
})

test.run()
