// takes: 4 s
// Private keys of kinds that no PIV card has, or this one does not: one sentence for all of them.
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createCard } from '../../src/index.ts'
import { tempDir } from '../support/temp.ts'
import { refused } from './refusal.ts'

/** Not in the declarations of this version. */
const withGroup = generateKeyPairSync as unknown as (kind: string, how: object) => { readonly privateKey: KeyObject }

const KINDS: Readonly<Record<string, () => KeyObject>> = {
  'RSA-PSS': () => generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey,
  'RSA-1024': () => generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
  'RSA-2048 with exponent 3': () => generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey,
  'Diffie-Hellman': () => withGroup('dh', { group: 'modp14' }).privateKey,
  DSA: () => generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey,
  brainpool: () => generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }).privateKey,
  'P-224': () => generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).privateKey,
  'P-521': () => generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey,
  secp256k1: () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
  Ed25519: () => generateKeyPairSync('ed25519').privateKey,
  Ed448: () => generateKeyPairSync('ed448').privateKey,
  X25519: () => generateKeyPairSync('x25519').privateKey,
  'RSA-PSS, read from PEM': () =>
    createPrivateKey(
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ),
}

test('each is refused by the algorithms that there are', async () => {
  const card = await createCard({ name: 'work', tcti: 'embedded:', home: tempDir('home'), pin: '135790' })
  try {
    await card.verifyPin('135790')
    for (const [kind, make] of Object.entries(KINDS)) {
      const error = await refused('ERR_NOT_SUPPORTED', 8, () => card.importKey('9d', make()))
      assert.match(error.message, /^Only keys of P-256, P-384, RSA-2048, RSA-3072 /, kind)
    }
    assert.equal(await card.keys(), [])
  } finally {
    await card.close()
  }
})

test.run()
