// Keys of cards in readers that no TPM has, RSA-4096 and RSA-1024: they sign and decrypt, by the card and as keys of Node.
// takes: 8 s
import { constants, generateKeyPairSync, publicEncrypt, verify, webcrypto } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { cardKey } from '../../src/keys/index.ts'
import { type CardAlgorithm, isWeak } from '../../src/piv/algorithms.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { fromKeyObject, writePublicKey, writePublicKeyFields } from '../../src/piv/public-key.ts'
import { message, refused } from '../contract/clauses/clause.ts'
import { PlainCard } from '../support/plain-card/card.ts'
import { ADMIN_KEY, contentFor, PIN, tagOf } from './support/furnished.ts'

const { RSA_PKCS1_OAEP_PADDING, RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants
const { subtle } = webcrypto
const TEXT = new TextEncoder().encode('attack at dawn')
const SIZES = [
  ['RSA-1024', 0x06, 1024],
  ['RSA-4096', 0x16, 4096],
] as const satisfies ReadonlyArray<readonly [CardAlgorithm, number, number]>

for (const [algorithm, id, modulusLength] of SIZES) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength })

  /** It knows the key by its certificate, or by metadata. */
  function made(by: 'certificate' | 'metadata') {
    const plain = new PlainCard('OpenFIPS201')
    for (const slot of ['9a', '9d']) {
      plain.keys.set(Number.parseInt(slot, 16), { privateKey, algorithm: id })
      if (by === 'certificate') plain.objects.set(tagOf(slot), contentFor(publicKey))
    }
    const fields = writePublicKeyFields(fromKeyObject(publicKey))
    const length = fields.length.toString(16).padStart(4, '0')
    const told = `0101${hex(Uint8Array.of(id))} 0202 0201 030101 0482${length} ${hex(fields)}`
    if (by === 'metadata') plain.metadata = (reference) => ([0x9a, 0x9d].includes(reference) ? told : undefined)
    return cardOver(plain)
  }

  for (const by of ['certificate', 'metadata'] as const) {
    test(`${algorithm}, known by ${by}: signs and decrypts`, async () => {
      const card = made(by)
      assert.is((await card.keyInfo('9a')).algorithm, algorithm)
      assert.ok(verify('sha256', message, publicKey, await card.sign('9a', message, { pin: PIN })))
      const pss = await card.sign('9a', message, { pin: PIN, padding: 'pss', hash: 'SHA-384' })
      assert.ok(verify('sha384', message, { key: publicKey, padding: RSA_PKCS1_PSS_PADDING, saltLength: 48 }, pss))
      const oaep = publicEncrypt({ key: publicKey, padding: RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, TEXT)
      assert.equal(await card.decrypt('9d', oaep, { pin: PIN }), TEXT)
      const pkcs1 = publicEncrypt({ key: publicKey, padding: RSA_PKCS1_PADDING }, TEXT)
      assert.equal(await card.decrypt('9d', pkcs1, { pin: PIN, padding: 'pkcs1' }), TEXT)
    })
  }

  test(`${algorithm}: as a key of Node`, async () => {
    const card = made('certificate')
    const signer = await cardKey(card, '9a', { onPin: PIN })
    const decrypter = await cardKey(card, '9d', { onPin: PIN })
    for (const [name, saltLength] of [
      ['RSASSA-PKCS1-v1_5', undefined],
      ['RSA-PSS', 32],
    ] as const) {
      const parameters = { name, hash: 'SHA-256', ...(saltLength && { saltLength }) }
      const signature = await subtle.sign(parameters as webcrypto.RsaPssParams, await signer.cryptoKey(name), message)
      const padding = saltLength === undefined ? RSA_PKCS1_PADDING : RSA_PKCS1_PSS_PADDING
      assert.ok(verify('sha256', message, { key: publicKey, padding }, new Uint8Array(signature)))
    }
    const text = publicEncrypt({ key: publicKey, padding: RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, TEXT)
    const decrypted = await subtle.decrypt({ name: 'RSA-OAEP' }, await decrypter.cryptoKey('RSA-OAEP'), text)
    assert.equal(new Uint8Array(decrypted), TEXT)
    signer.close()
    decrypter.close()
  })

  test(`${algorithm}: no new key is of it, and none is imported`, async () => {
    const card = made('metadata')
    await refused('ERR_ALGORITHM', () => card.generateKey('9a', { algorithm }))
    assert.match(
      (await refused('ERR_NOT_SUPPORTED', () => card.importKey('9a', privateKey))).message,
      /can be imported|import/,
    )
  })
}

test('a card that makes another key than it was asked for is found out', async () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const plain = new PlainCard('OpenFIPS201')
  const card = cardOver(plain)
  await card.authenticateAdmin(ADMIN_KEY)
  plain.instead = (apdu) =>
    apdu.startsWith('0047') ? `${hex(writePublicKey(fromKeyObject(publicKey)))}9000` : undefined
  await refused('ERR_DATA', () => card.generateKey('9a', { algorithm: 'RSA-2048' }))
})

test('what is too long for RSA-1024 is refused; of the two it is the weak one', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const plain = new PlainCard('OpenFIPS201')
  plain.keys.set(0x9d, { privateKey, algorithm: 0x06 })
  plain.objects.set(tagOf('9d'), contentFor(publicKey))
  const card = cardOver(plain)
  await refused('ERR_DATA', () => card.sign('9d', message, { pin: PIN, padding: 'pss', hash: 'SHA-512' }))
  await refused('ERR_DATA', () => card.decrypt('9d', new Uint8Array(128).fill(1), { pin: PIN, hash: 'SHA-512' }))
  assert.equal(
    SIZES.map(([algorithm]) => isWeak(algorithm)),
    [true, false],
  )
})

test.run()
