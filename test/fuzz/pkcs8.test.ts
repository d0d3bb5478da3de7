// time limit: 900 s
// takes: 12 s
// Damaged PKCS#8 for Node's OpenSSL once our decoder looks at all of it: a key or an error, and the process lives on.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, hex, utf8 } from '../../src/bytes.ts'
import { pkcs8 } from '../../src/keys/pkcs8.ts'
import { native } from '../../src/native.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'

/** What OpenSSL and Node refuse octets with. */
class Refused extends Error {}

const pairs = () => [
  generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  generateKeyPairSync('rsa', { modulusLength: 1024 }),
]
const spki = (key: KeyObject) => Uint8Array.from(key.export({ type: 'spki', format: 'der' }))
const ordinary = (key: KeyObject) => Uint8Array.from(key.export({ type: 'pkcs8', format: 'der' }))

test('PKCS#8', async () => {
  const { ProviderKey, registerProvider } = native()
  assert.ok(registerProvider())
  const keys = pairs().map(({ publicKey }) => ({
    half: spki(publicKey),
    key: new ProviderKey(spki(publicKey), () => {}),
  }))
  const disguises = keys.map(({ half, key }) => pkcs8(half, key.token))
  const long = keys.map(({ half }) => pkcs8(half, 'f'.repeat(300)))
  const seeds = [...disguises, ...long, ...pairs().map(({ privateKey }) => ordinary(privateKey))]
  let own = 0
  const count = await fuzz(
    'pkcs8',
    seeds,
    FUZZ_SECONDS,
    (octets) => {
      let half: Uint8Array
      try {
        half = spki(createPublicKey(createPrivateKey({ key: Buffer.from(octets), format: 'der', type: 'pkcs8' })))
      } catch (error) {
        throw new Refused('refused', { cause: error })
      }
      const named = keys.find((one) => equal(one.half, half))
      if (named === undefined) return
      own += 1
      // Nothing less than the whole token names a key.
      assert.ok(hex(octets).includes(hex(utf8(`tessera:${named.key.token}`))))
    },
    { refusals: [Refused] },
  )
  assert.ok(own > 0, 'no key of ours was found')
  for (const { key } of keys) key.close()
  for (const one of disguises) {
    assert.throws(() => createPrivateKey({ key: Buffer.from(one), format: 'der', type: 'pkcs8' }))
  }
  assert.ok(count > 1000)
})

test.run()
