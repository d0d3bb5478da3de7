// Ordinary keys beside keys of a card, in processes of their own: which key OpenSSL meets first matters.
// takes: 5 s
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runProgram } from './support/programs.ts'

/** Everything that a process does with ordinary keys; throws where one does not work. */
const ORDINARY = `
  const crypto = require('node:crypto')
  const assert = require('node:assert')
  const { once } = require('node:events')
  const tls = require('node:tls')
  const { execFileSync } = require('node:child_process')
  const file = (name) => process.env.TESSERA_HOME + '/' + name
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' })
  const [keyPem, certPem] = ['key.pem', 'cert.pem'].map((name) => require('node:fs').readFileSync(file(name), 'utf8'))
  const KINDS = [['ec', { namedCurve: 'P-256' }], ['ec', { namedCurve: 'P-384' }], ['ec', { namedCurve: 'P-521' }], ['rsa', { modulusLength: 2048 }], ['rsa-pss', { modulusLength: 2048 }], ['ed25519', {}]]
  async function ordinary() {
    for (const [type, options] of KINDS) {
      const made = crypto.generateKeyPairSync(type, options)
      const pem = made.privateKey.export({ type: 'pkcs8', format: 'pem' })
      const read = crypto.createPrivateKey(pem)
      assert.equal(read.export({ type: 'pkcs8', format: 'pem' }), pem)
      if (type !== 'rsa-pss') read.export({ format: 'jwk' })
      const hash = type === 'ed25519' ? null : 'sha256'
      assert.ok(crypto.verify(hash, 'x', made.publicKey, crypto.sign(hash, 'x', read)))
      assert.ok(crypto.createPublicKey(read).equals(made.publicKey))
      if (type === 'ec') assert.equal(crypto.diffieHellman({ privateKey: read, publicKey: made.publicKey }).length, Math.ceil(parseInt(options.namedCurve.slice(2)) / 8))
      if (type === 'rsa') assert.equal(crypto.privateDecrypt(read, crypto.publicEncrypt(made.publicKey, Buffer.from('x'))).toString(), 'x')
    }
    const ecdh = crypto.createECDH('prime256v1')
    assert.equal(ecdh.computeSecret(ecdh.generateKeys()).length, 32)
    const pair = await crypto.webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
    await crypto.webcrypto.subtle.exportKey('jwk', pair.privateKey)
    const x509 = new crypto.X509Certificate(certPem)
    assert.ok(x509.verify(x509.publicKey) && x509.checkPrivateKey(crypto.createPrivateKey(keyPem)))
    const server = tls.createServer({ key: keyPem, cert: certPem }, (socket) => socket.end('hello')).listen(0, 'localhost')
    await once(server, 'listening')
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
      const socket = tls.connect({ host: 'localhost', port: server.address().port, ca: certPem, maxVersion })
      await once(socket, 'secureConnect')
      socket.destroy()
    }
    server.close()
  }`

const run = (program: string) => {
  const { status, stdout, stderr } = runProgram(
    `${ORDINARY}; (async () => { ${program} })().then(() => process.exit(0))`,
  )
  assert.equal([status, stdout], [0, ''], stderr)
}

const OURS = `const { key, card, publicKey } = await newKey('27182818')
  assert.ok(crypto.verify('sha256', 'x', publicKey, await signed(key.privateKey)))`

test('before, during and after those of a card', () => {
  run(`await ordinary(); ${OURS}; await ordinary(); key.close(); await card.close(); await ordinary()`)
})

test('when those of a card come first', () => {
  run(`${OURS}; await ordinary(); key.close(); await card.close(); await ordinary()`)
})

test('in another thread, while a key of a card is used here', () => {
  run(`${OURS}
    const { Worker } = require('node:worker_threads')
    const worker = new Worker(${JSON.stringify(`${ORDINARY}; ordinary()`)}, { eval: true })
    let over = false
    const ended = once(worker, 'exit').then(([code]) => { over = true; assert.equal(code, 0) })
    while (!over) assert.ok((await signed(key.privateKey)).length > 60)
    await ended`)
})

test('two copies of the native part in one process: each asks for its own keys', () => {
  run(`const copy = file('tessera.node')
    require('node:fs').cpSync('native/build/Release/tessera.node', copy)
    const other = require(copy)
    ${OURS}
    assert.ok(other.registerProvider())
    const half = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    let asked = 0
    const second = new other.ProviderKey(new Uint8Array(half.export({ type: 'spki', format: 'der' })), ({ id }) => {
      asked += 1
      second.refuse(id, 'ERR_PIN_BLOCKED')
    })
    const pkcs8 = Buffer.from(key.pem.split('\\n').slice(1, -2).join(''), 'base64')
    pkcs8.write(second.token, pkcs8.length - second.token.length)
    const theirs = crypto.createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    assert.ok(crypto.createPublicKey(theirs).equals(half))
    for (let i = 0; i < 3; i += 1) {
      assert.match((await signed(theirs)).message, /ERR_PIN_BLOCKED/)
      assert.ok(crypto.verify('sha256', 'x', publicKey, await signed(crypto.createPrivateKey(key.pem))))
    }
    assert.equal(asked, 3)
    second.close()
    await ordinary()`)
})

test.run()
