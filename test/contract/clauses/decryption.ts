// Decryption and agreement on secrets.
import { constants, diffieHellman, generateKeyPairSync, type KeyObject, publicEncrypt, randomBytes } from 'node:crypto'
import { isUint8Array } from 'node:util/types'
import * as assert from 'uvu/assert'
import type { Card, CardError, DecryptOptions } from '../../../src/index.ts'
import { type Clauses, foreign, message, refused } from './clause.ts'
import { signsInEveryForm, withKey } from './signatures.ts'

const HASHES = ['SHA-256', 'SHA-384', 'SHA-512'] as const
const LABELS = [undefined, new Uint8Array(0), new TextEncoder().encode('a label')]

function encrypt(key: KeyObject, data: Uint8Array, { padding, hash = 'SHA-256', label }: DecryptOptions): Uint8Array {
  if (padding === 'pkcs1') return publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, data)
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash.replace('-', '').toLowerCase() }
  return publicEncrypt({ key, ...oaep, ...(label && { oaepLabel: label }) }, data)
}

/** The raw public operation: a text whose block is exactly this. */
const encryptBlock = (key: KeyObject, block: Uint8Array): Uint8Array =>
  publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block)

const modulusOf = (key: KeyObject): Uint8Array => Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url')

/** Texts that no padding comes off, each as long as it should be. */
function malformed(key: KeyObject): Readonly<Record<string, Uint8Array>> {
  const size = modulusOf(key).length
  const numbers = { zero: new Uint8Array(size), modulus: modulusOf(key), largest: new Uint8Array(size).fill(0xff) }
  const one = new Uint8Array(size)
  one[size - 1] = 1
  const block = (...parts: readonly (readonly number[])[]) => {
    const octets = Uint8Array.from(parts.flat())
    const whole = new Uint8Array(size).fill(0xaa)
    whole.set(octets)
    return encryptBlock(key, whole)
  }
  const filler = Array.from({ length: 8 }, () => 0x11)
  return {
    ...numbers,
    one,
    random: Uint8Array.from([0, ...randomBytes(size - 1)]),
    'PKCS#1: first octet': block([0x01, 0x02], filler, [0x00]),
    'PKCS#1: block type': block([0x00, 0x01], filler, [0x00]),
    'PKCS#1: filler of seven octets': block([0x00, 0x02], filler.slice(1), [0x00]),
    'PKCS#1: no end of the filler': block([0x00, 0x02]),
    'for another key': encrypt(foreign.publicKey, message, {}),
  }
}

const told = (error: CardError) => [error.code, error.message, error.sw]

async function decryptsInEveryWay(card: Card, key: KeyObject): Promise<void> {
  const ways: DecryptOptions[] = [{ padding: 'pkcs1' }]
  for (const hash of HASHES) for (const label of LABELS) ways.push({ padding: 'oaep', hash, ...(label && { label }) })
  for (const options of [...ways, {}]) {
    const room = modulusOf(key).length - 11
    const most = options.padding === 'pkcs1' ? room : room + 11 - 2 - 2 * (Number(options.hash?.slice(4) ?? 256) / 8)
    for (const length of [0, 1, most]) {
      const data = Uint8Array.from(randomBytes(length))
      const what = `${JSON.stringify(options)}, ${length} octets`
      assert.equal(await card.decrypt('9a', encrypt(key, data, options), options), data, what)
    }
  }
}

/**
 * The error for a text of OAEP where one of PKCS#1 is wanted. Its block begins with 00 and an octet by chance, so that one in
 * some 400 is a block of PKCS#1 as well, of another message.
 */
async function oaepAsPkcs1(card: Card, key: KeyObject): Promise<CardError> {
  for (let tries = 0; tries < 5; tries += 1) {
    const text = encrypt(key, message, {})
    const plain = await card.decrypt('9a', text, { padding: 'pkcs1' }).catch((error: CardError) => error)
    if (!isUint8Array(plain)) return plain
    assert.not.equal(plain, message)
  }
  throw new Error('texts of OAEP are taken for texts of PKCS#1')
}

export const DECRYPTION: Clauses = {
  'texts are decrypted: PKCS#1, and OAEP with every hash and label, of every length': async (subject) => {
    const { card, publicKey } = await withKey(subject, 'RSA-2048')
    await decryptsInEveryWay(card, publicKey)
  },

  'RSA-3072: a new key signs with every hash, in every form, and decrypts': async (subject) => {
    const { card, publicKey } = await signsInEveryForm(subject, 'RSA-3072')
    for (const options of [{}, { padding: 'pkcs1' as const }]) {
      assert.equal(await card.decrypt('9a', encrypt(publicKey, message, options), options), message)
    }
  },

  'whatever is wrong with a text: one and the same error': async (subject) => {
    const { card, publicKey } = await withKey(subject, 'RSA-2048')
    const texts = malformed(publicKey)
    const errors = []
    for (const padding of ['pkcs1', 'oaep'] as const) {
      for (const [what, text] of Object.entries(texts)) {
        const error = await refused('ERR_DATA', () => card.decrypt('9a', text, { padding })).catch((cause) => {
          throw new Error(`${padding}, ${what}`, { cause })
        })
        errors.push(told(error))
      }
    }
    const label = new TextEncoder().encode('another label')
    for (const [text, options] of [
      [encrypt(publicKey, message, {}), { label }],
      [encrypt(publicKey, message, {}), { hash: 'SHA-384' }],
      [encrypt(publicKey, message, { label }), {}],
      [encrypt(publicKey, message, { padding: 'pkcs1' }), {}],
    ] as const) {
      errors.push(told(await refused('ERR_DATA', () => card.decrypt('9a', text, options))))
    }
    errors.push(told(await oaepAsPkcs1(card, publicKey)))
    for (const error of errors) assert.equal(error, errors[0])
    assert.equal(await card.decrypt('9a', encrypt(publicKey, message, {})), message, 'and the next text is decrypted')
  },

  'texts of another length than the key, and keys that do not decrypt, are named': async (subject) => {
    const { card } = await withKey(subject, 'RSA-2048')
    for (const length of [0, 1, 255, 257, 384]) {
      await refused('ERR_DATA', () => card.decrypt('9a', new Uint8Array(length)))
    }
    await refused('ERR_ALGORITHM', () => card.decrypt('9a', new Uint8Array(256), { hash: 'SHA-1' }))
    const { card: other } = await withKey(subject, 'P-256')
    await refused('ERR_NOT_SUPPORTED', () => other.decrypt('9a', new Uint8Array(256)))
  },

  'secrets are agreed on with other keys of the curve': async (subject) => {
    for (const [algorithm, octets] of [['P-256', 32] as const, ['P-384', 48] as const]) {
      const { card, publicKey } = await withKey(subject, algorithm)
      for (let round = 0; round < 5; round += 1) {
        const peer = generateKeyPairSync('ec', { namedCurve: algorithm })
        const secret = await card.deriveSecret('9a', peer.publicKey)
        assert.is(secret.length, octets)
        assert.equal(Buffer.from(secret), diffieHellman({ privateKey: peer.privateKey, publicKey }))
      }
    }
  },

  'no secret is agreed on with a key of another kind': async (subject) => {
    const { card } = await withKey(subject, 'P-256')
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const others = [
      generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey,
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey,
      generateKeyPairSync('x25519').publicKey,
      foreign.publicKey,
      own.privateKey,
    ]
    for (const other of others) await refused('ERR_DATA', () => card.deriveSecret('9a', other))
    await card.deriveSecret('9a', own.publicKey)
    const { card: rsa } = await withKey(subject, 'RSA-2048')
    await refused('ERR_NOT_SUPPORTED', () => rsa.deriveSecret('9a', own.publicKey))
  },

  'decryption and agreement want the PIN as signatures do': async (subject) => {
    const { card, publicKey } = await withKey(subject, 'RSA-2048')
    await subject.manage(card)
    await card.generateKey('9d')
    await card.lock()
    const text = encrypt(publicKey, message, {})
    const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    await refused('ERR_PIN_REQUIRED', () => card.decrypt('9a', text))
    await refused('ERR_PIN_REQUIRED', () => card.deriveSecret('9d', peer))
  },
}
