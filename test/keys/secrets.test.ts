// Decryption and agreement with keys of a card, in each way that Node has.
// takes: 5 s
import { constants, createPublicKey, diffieHellman, generateKeyPairSync, publicEncrypt, webcrypto } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError } from '../../src/index.ts'
import { type CardKey, cardKey } from '../../src/keys/index.ts'
import { PIN, type Subject, startSubject } from '../contract/subjects.ts'
import { rejected } from './support/node.ts'

const { RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING } = constants
const { subtle } = webcrypto
const NODE = Number.parseInt(process.versions.node, 10)
const TEXT = new TextEncoder().encode('attack at dawn')
const LABEL = new TextEncoder().encode('a label')

let subject: Subject
let rsa: CardKey
let ec: CardKey

test.before(async () => {
  subject = await startSubject('embedded')
  const { card } = await subject.fresh()
  await card.verifyPin(PIN)
  await card.generateKey('9d', { algorithm: 'RSA-2048' })
  await card.generateKey('9a', { algorithm: 'P-384' })
  await card.lock()
  rsa = await cardKey(card, '9d', { onPin: PIN })
  ec = await cardKey(card, '9a', { onPin: PIN })
})
test.after(async () => {
  rsa?.close()
  ec?.close()
  await subject?.stop()
})

/** The value of an expression with `crypto` and `data` in another thread. */
function inThread<T>(expression: string, data: object): Promise<T> {
  const program = `const { parentPort, workerData: data } = require('node:worker_threads')
    const crypto = require('node:crypto')
    parentPort.postMessage(${expression})`
  const worker = new Worker(program, { eval: true, workerData: data })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

for (const hash of ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512']) {
  for (const label of [undefined, LABEL]) {
    test(`OAEP, ${hash}, ${label ? 'a label' : 'no label'}: subtle.decrypt`, async () => {
      const oaepHash = hash.replace('-', '').toLowerCase()
      const padded = { key: rsa.publicKey, padding: RSA_PKCS1_OAEP_PADDING, oaepHash }
      const ciphertext = publicEncrypt({ ...padded, ...(label && { oaepLabel: label }) }, TEXT)
      const key = await rsa.cryptoKey({ name: 'RSA-OAEP', hash })
      const algorithm = { name: 'RSA-OAEP', ...(label && { label }) }
      assert.equal(new Uint8Array(await subtle.decrypt(algorithm, key, ciphertext)), TEXT)
    })
  }
}

test('OAEP: unwrapKey, and crypto.privateDecrypt in another thread', async () => {
  const wrapped = publicEncrypt({ key: rsa.publicKey, oaepHash: 'sha256' }, new Uint8Array(32).fill(7))
  const key = await rsa.cryptoKey('RSA-OAEP')
  const aes = await subtle.unwrapKey('raw', wrapped, key, 'RSA-OAEP', 'AES-GCM', true, ['encrypt'])
  assert.equal(new Uint8Array(await subtle.exportKey('raw', aes)), new Uint8Array(32).fill(7))
  // By the public half of the key itself.
  const ciphertext = publicEncrypt(createPublicKey(rsa.privateKey), TEXT)
  assert.equal(
    await inThread('new Uint8Array(crypto.privateDecrypt(data.pem, data.ciphertext))', { pem: rsa.pem, ciphertext }),
    TEXT,
  )
})

test('a text that was not meant for this key: the same error whatever is wrong', async () => {
  const key = await rsa.cryptoKey('RSA-OAEP')
  const other = publicEncrypt({ key: rsa.publicKey, oaepHash: 'sha384' }, TEXT)
  for (const ciphertext of [other, new Uint8Array(256).fill(1), new Uint8Array(256).fill(0xff)]) {
    const error = await rejected(subtle.decrypt({ name: 'RSA-OAEP' }, key, ciphertext))
    const { cause } = error.cause as Error
    assert.instance(cause, CardError)
    assert.is((cause as CardError).message.includes('cannot be decrypted with this key'), true)
  }
})

test('PKCS#1 v1.5: what was encrypted, and always the same for what was not', async () => {
  const decrypt = (ciphertext: Uint8Array) =>
    inThread<Uint8Array>(
      `new Uint8Array(crypto.privateDecrypt({ key: data.pem, padding: ${RSA_PKCS1_PADDING} }, data.ciphertext))`,
      {
        pem: rsa.pem,
        ciphertext,
      },
    )
  const ciphertext = publicEncrypt({ key: rsa.publicKey, padding: RSA_PKCS1_PADDING }, TEXT)
  if (NODE < 22) {
    assert.match((await rejected(decrypt(ciphertext))).message, 'no longer supported')
    return
  }
  assert.equal(await decrypt(ciphertext), TEXT)
  const wrong = new Uint8Array(256).fill(1)
  assert.equal(await decrypt(wrong), await decrypt(wrong))
})

const { publicKey: peer, privateKey: theirs } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const spki = peer.export({ type: 'spki', format: 'der' })

test('ECDH: crypto.diffieHellman in another thread', async () => {
  const expected = new Uint8Array(diffieHellman({ privateKey: theirs, publicKey: ec.publicKey }))
  const expression = `new Uint8Array(crypto.diffieHellman({
    privateKey: crypto.createPrivateKey(data.pem),
    publicKey: crypto.createPublicKey({ key: Buffer.from(data.spki), format: 'der', type: 'spki' }),
  }))`
  assert.equal(await inThread(expression, { pem: ec.pem, spki }), expected)
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' })
  await rejected(inThread(expression, { pem: ec.pem, spki: curve }))
})

test('ECDH: subtle.deriveBits and deriveKey, from Node 24 on', async () => {
  if (NODE < 24) {
    assert.is((await rejected(ec.cryptoKey('ECDH'))).code, 'ERR_NOT_SUPPORTED')
    return
  }
  const key = await ec.cryptoKey('ECDH')
  const their = await subtle.importKey('spki', spki, { name: 'ECDH', namedCurve: 'P-384' }, true, [])
  const expected = new Uint8Array(diffieHellman({ privateKey: theirs, publicKey: ec.publicKey }))
  assert.equal(new Uint8Array(await subtle.deriveBits({ name: 'ECDH', public: their }, key, 384)), expected)
})

test.run()
