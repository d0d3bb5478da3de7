// takes: 6 s
// Keys of a card: every algorithm, every form of signature, imported keys; checked by node:crypto and by openssl.
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { createReadStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Card, SignatureOptions } from '../../src/index.ts'
import { privateJwk } from '../support/private-jwk.ts'
import { type Bench, KINDS, onBench, PIN } from './bench.ts'
import { refused } from './refusal.ts'
import { assertSigned, assertSignedDigest } from './verify.ts'

const HASHES = ['SHA-256', 'SHA-384', 'SHA-512'] as const
const small = randomBytes(100)
const large = randomBytes(200_001)

async function* inParts(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size)
}

async function verified(bench: Bench): Promise<Card> {
  const card = await bench.create()
  await card.verifyPin(PIN)
  return card
}

async function signsEveryWay(card: Card, slot: string, publicKey: KeyObject): Promise<void> {
  const form: SignatureOptions = publicKey.asymmetricKeyType === 'ec' ? { format: 'raw' } : { padding: 'pss' }
  for (const hash of HASHES) {
    for (const options of [{ hash }, { hash, ...form }]) {
      assertSigned(publicKey, small, await card.sign(slot, small, options), options)
    }
    const digest = createHash(hash.replace('-', '')).update(small).digest()
    assertSigned(publicKey, small, await card.signDigest(slot, digest, { hash }), { hash })
  }
}

for (const kind of KINDS) {
  for (const algorithm of ['P-256', 'P-384', 'RSA-2048', 'RSA-3072'] as const) {
    test(`${kind}: ${algorithm} signs with every hash, in every form`, () =>
      onBench(kind, async (bench) => {
        const card = await verified(bench)
        const publicKey = await card.generateKey('authentication', { algorithm: algorithm.toLowerCase() })
        const { slot, name, origin, pinPolicy, algorithm: made } = await card.keyInfo('9A')
        assert.equal([slot, name, origin, pinPolicy, made], ['9a', 'authentication', 'generated', 'once', algorithm])
        await signsEveryWay(card, '9a', publicKey)
        await card.close()
        const later = await bench.open()
        assert.ok((await later.keyInfo('9a')).publicKey.equals(publicKey), 'the key is that of the card file')
        await later.verifyPin(PIN)
        assertSigned(publicKey, small, await later.sign('9a', small))
        await later.close()
      }))
  }

  test(`${kind}: messages of any length, whole or in parts`, () =>
    onBench(kind, async (bench) => {
      const card = await verified(bench)
      const publicKey = await card.generateKey('9e')
      const path = join(bench.home, 'message')
      writeFileSync(path, large)
      const messages: ReadonlyArray<readonly [Uint8Array, Uint8Array | AsyncIterable<Uint8Array>]> = [
        [new Uint8Array(0), new Uint8Array(0)],
        [large.subarray(0, 65_536), large.subarray(0, 65_536)],
        [large.subarray(0, 65_537), large.subarray(0, 65_537)],
        [large, large],
        [large, inParts(large, 1000)],
        [large, createReadStream(path)],
        [new Uint8Array(0), inParts(new Uint8Array(0), 1)],
      ]
      for (const [data, given] of messages) assertSigned(publicKey, data, await card.sign('9e', given))
      const broken = async function* () {
        yield small
        throw new RangeError('the source broke')
      }
      await card.sign('9e', broken()).then(
        () => assert.unreachable(),
        (error) => assert.instance(error, RangeError),
      )
      assertSigned(publicKey, small, await card.sign('9e', small))
      await card.close()
    }))

  test(`${kind}: digests shorter and longer than the curve`, () =>
    onBench(kind, async (bench) => {
      const card = await verified(bench)
      const good = { '9a': [1, 20, 28, 31, 32, 48, 64], '82': [1, 20, 32, 47, 48, 64] }
      const bad = { '9a': [0, 33, 47, 49, 63, 65, 1000], '82': [0, 49, 63, 65] }
      const keys = {
        '9a': await card.generateKey('9a'),
        '82': await card.generateKey('82', { algorithm: 'P-384' }),
      }
      for (const slot of ['9a', '82'] as const) {
        for (const length of good[slot]) {
          const digest = randomBytes(length)
          assertSignedDigest(keys[slot], digest, await card.signDigest(slot, digest))
        }
        for (const length of bad[slot]) {
          await refused('ERR_DATA', 2, () => card.signDigest(slot, new Uint8Array(length)))
        }
      }
      const rsa = await card.generateKey('83', { algorithm: 'RSA-2048' })
      for (const length of [0, 20, 31, 33, 48, 256]) {
        await refused('ERR_DATA', 2, () => card.signDigest('83', new Uint8Array(length)))
      }
      assertSigned(rsa, small, await card.sign('83', small))
      await card.close()
    }))

  test(`${kind}: imported keys sign for the public key they came with`, () =>
    onBench(kind, async (bench) => {
      const card = await verified(bench)
      const pairs: ReadonlyArray<readonly [string, { publicKey: KeyObject; privateKey: KeyObject }]> = [
        ['82', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
        ['83', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
        ['84', generateKeyPairSync('rsa', { modulusLength: 2048 })],
        ['85', generateKeyPairSync('rsa', { modulusLength: 3072 })],
      ]
      for (const [slot, { publicKey, privateKey }] of pairs) {
        const came = await card.importKey(slot, privateKey)
        assert.ok(came.equals(publicKey))
        assert.equal([(await card.keyInfo(slot)).origin, (await card.keyInfo(slot)).pinPolicy], ['imported', 'once'])
        await signsEveryWay(card, slot, publicKey)
      }
      // Numbers that begin with a zero octet keep their place: one key in 256 has one, so one is made.
      const first = (key: KeyObject) => Buffer.from(privateJwk(key).d ?? '', 'base64url')[0]
      let pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      while (first(pair.privateKey) !== 0) pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      await card.importKey('9c', pair.privateKey)
      await card.importKey('9e', pair.privateKey)
      await card.verifyPin(PIN)
      assertSigned(pair.publicKey, small, await card.sign('9c', small))
      await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9c', small))
      await card.lock()
      assertSigned(pair.publicKey, small, await card.sign('9e', small))
      await refused('ERR_PIN_REQUIRED', 4, () => card.sign('82', small))
      await refused('ERR_PIN_REQUIRED', 4, () => card.importKey('82', pair.privateKey))
      await card.close()
    }))

  test(`${kind}: keys that no card has are refused by name, and nothing changes`, () =>
    onBench(kind, async (bench) => {
      const card = await verified(bench)
      const publicKey = await card.generateKey('82')
      const others: readonly KeyObject[] = [
        generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
        generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey,
        generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey,
        generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
        generateKeyPairSync('ed25519').privateKey,
        generateKeyPairSync('x25519').privateKey,
      ]
      for (const key of others) await refused('ERR_NOT_SUPPORTED', 8, () => card.importKey('82', key))
      await refused('ERR_DATA', 2, () => card.importKey('82', generateKeyPairSync('ed25519').publicKey))
      await refused('ERR_ALGORITHM', 2, () => card.generateKey('82', { algorithm: 'RSA-4096' }))
      await refused('ERR_ALGORITHM', 2, () => card.sign('82', small, { hash: 'SHA-1' }))
      for (const slot of ['', '9b', '81', '96', 'f9', '9a ', 'retired-21', '__proto__', 'constructor']) {
        await refused('ERR_SLOT', 2, () => card.generateKey(slot))
        await refused('ERR_SLOT', 2, () => card.sign(slot, small))
        await refused('ERR_SLOT', 2, () => card.moveKey('82', slot))
        await refused('ERR_SLOT', 2, () => card.keyInfo(slot))
      }
      assertSigned(publicKey, small, await card.sign('82', small))
      assert.is((await card.keys()).length, 1)
      await card.close()
    }))

  test(`${kind}: keys are replaced, moved and deleted`, () =>
    onBench(kind, async (bench) => {
      const card = await verified(bench)
      for (const slot of ['9a', '82']) await refused('ERR_KEY_ABSENT', 8, () => card.sign(slot, small))
      await refused('ERR_KEY_ABSENT', 8, () => card.keyInfo('9a'))
      await refused('ERR_KEY_ABSENT', 8, () => card.deleteKey('9a'))
      await refused('ERR_KEY_ABSENT', 8, () => card.moveKey('9a', '82'))
      const first = await card.generateKey('9a')
      assertSigned(first, small, await card.sign('9a', small))
      const second = await card.generateKey('9a')
      assert.not(second.equals(first))
      assertSigned(second, small, await card.sign('9a', small))
      await card.moveKey('9a', 'retired-1')
      await refused('ERR_KEY_ABSENT', 8, () => card.sign('9a', small))
      assertSigned(second, small, await card.sign('82', small))
      assert.equal(
        (await card.keys()).map((key) => [key.slot, key.name]),
        [['82', 'retired-1']],
      )
      await card.moveKey('82', '82')
      assertSigned(second, small, await card.sign('82', small))
      // More keys than a TPM has slots for: each is loaded when it is its turn.
      const more = ['83', '84', '85', '95']
      for (const slot of more) await card.generateKey(slot)
      for (let round = 0; round < 2; round += 1) {
        for (const slot of ['82', ...more]) {
          assertSigned((await card.keyInfo(slot)).publicKey, small, await card.sign(slot, small))
        }
      }
      assert.is((await bench.loaded()).objects <= 2, true)
      await card.lock()
      await refused('ERR_PIN_REQUIRED', 4, () => card.deleteKey('82'))
      await refused('ERR_PIN_REQUIRED', 4, () => card.moveKey('82', '9a'))
      await card.verifyPin(PIN)
      await card.deleteKey('82')
      await refused('ERR_KEY_ABSENT', 8, () => card.sign('82', small))
      await card.close()
      const later = await bench.open()
      assert.equal((await later.keys()).map((key) => key.slot).sort(), [...more].sort())
      await later.close()
    }))
}

test('an RSA key whose second prime is the larger one', () =>
  onBench('embedded', async (bench) => {
    const card = await verified(bench)
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { p = '', q = '', dp = '', dq = '', ...jwk } = privateJwk(privateKey)
    const swapped = { ...jwk, p: q, q: p, dp: dq, dq: dp }
    const inverse = (a: bigint, m: bigint): bigint => {
      let [r, s, x, y] = [m, a, 0n, 1n]
      while (s > 0n) [r, s, x, y] = [s, r % s, y, x - (r / s) * y]
      return ((x % m) + m) % m
    }
    const number = (text: string): bigint => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`)
    const qi = inverse(number(swapped.q), number(swapped.p)).toString(16)
    const key = {
      ...swapped,
      qi: Buffer.from(qi.padStart(qi.length + (qi.length % 2), '0'), 'hex').toString('base64url'),
    }
    await card.importKey('82', createPrivateKey({ key, format: 'jwk' }))
    assertSigned(publicKey, small, await card.sign('82', small))
    await card.close()
  }))

test.run()
