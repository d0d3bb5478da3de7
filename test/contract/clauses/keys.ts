// The life of keys: made, replaced, brought in, moved, deleted.
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import * as assert from 'uvu/assert'
import { PIN } from '../subjects.ts'
import { assertSigned, type Clauses, forbidden, foreign, message, ready, refused, signs } from './clause.ts'

const NO_SLOTS = ['', '9b', '81', '96', 'f9', '9a ', 'retired-21', '__proto__', 'constructor']

export const KEYS: Clauses = {
  'a slot without a key says so': async (subject) => {
    const card = await ready(subject)
    for (const slot of ['9a', '9c', '82', 'retired-20']) {
      await refused('ERR_KEY_ABSENT', () => card.keyInfo(slot))
      await refused('ERR_KEY_ABSENT', () => card.sign(slot, message))
      await refused('ERR_KEY_ABSENT', () => card.decrypt(slot, new Uint8Array(256)))
    }
    assert.equal(await card.keys(), [])
  },

  'slots and algorithms that no card has are refused by name': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    for (const slot of NO_SLOTS) {
      await refused('ERR_SLOT', () => card.generateKey(slot))
      await refused('ERR_SLOT', () => card.keyInfo(slot))
      await refused('ERR_SLOT', () => card.sign(slot, message))
      await refused('ERR_SLOT', () => card.getCertificate(slot))
    }
    await refused('ERR_ALGORITHM', () => card.generateKey('9a', { algorithm: 'RSA-1024' }))
    await refused('ERR_ALGORITHM', () => card.generateKey('9a', { algorithm: 'Ed25519' }))
  },

  'keys in all kinds of slots, by number and by name': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    for (const slot of ['9A', 'signature', '9d', 'card-authentication', '82', 'retired-20']) {
      await card.generateKey(slot, { pinPolicy: 'once' })
    }
    await card.verifyPin(PIN)
    for (const slot of ['authentication', '9c', 'key-management', '9e', 'retired-1', '95']) await signs(card, slot)
  },

  'a card tells all its keys, where they come from and what they want': async (subject) => {
    const card = await ready(subject)
    for (const slot of ['9a', '9c', '9e']) await card.generateKey(slot)
    await card.importKey('82', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, { pinPolicy: 'always' })
    const told = (await card.keys()).map(({ slot, origin, pinPolicy }) => [slot, origin, pinPolicy])
    assert.equal(told.sort(), [
      ['82', 'imported', 'always'],
      ['9a', 'generated', 'once'],
      ['9c', 'generated', 'always'],
      ['9e', 'generated', 'never'],
    ])
    const { card: later } = await subject.again()
    assert.equal((await later.keys()).map(({ slot }) => slot).sort(), ['82', '9a', '9c', '9e'])
  },

  'a key that was made on the card is attested': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    await refused('ERR_KEY_ABSENT', () => card.attest('9a'))
    await refused('ERR_SLOT', () => card.attest('f9'))
    assert.is(await card.attestationIssuer(), undefined)
    for (const algorithm of ['P-256', 'RSA-2048']) {
      const publicKey = await card.generateKey('9a', { algorithm })
      const attestation = new X509Certificate(await card.attest('authentication'))
      assert.ok(attestation.publicKey.equals(publicKey))
      const issuer = new X509Certificate((await card.attestationIssuer()) ?? new Uint8Array(0))
      assert.ok(attestation.verify(issuer.publicKey) && issuer.verify(issuer.publicKey))
    }
  },

  'a new key takes the place of the old one': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    const first = await card.generateKey('9a')
    const second = await card.generateKey('9a', { algorithm: 'P-384' })
    assert.not(first.equals(second))
    assert.ok((await card.keyInfo('9a')).publicKey.equals(second))
    await card.verifyPin(PIN)
    assertSigned(second, message, await card.sign('9a', message))
  },

  'keys are made by who may change the card': async (subject) => {
    const { card } = await subject.fresh()
    await forbidden(() => card.generateKey('9a'))
    await forbidden(() => card.importKey('9a', foreign.privateKey))
    await refused('ERR_KEY_ABSENT', () => card.keyInfo('9a'))
    await subject.manage(card)
    await card.generateKey('9a')
  },

  'imported keys of every algorithm sign for the public key they came with': async (subject) => {
    const card = await ready(subject)
    const pairs = [
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      foreign,
    ]
    for (const { publicKey, privateKey } of pairs) {
      assert.ok((await card.importKey('9d', privateKey)).equals(publicKey))
      assertSigned(publicKey, message, await card.sign('9d', message))
    }
  },

  'keys that no card takes are not imported, and what was in the slot stays': async (subject) => {
    const card = await ready(subject)
    const publicKey = await card.generateKey('82')
    const others = [
      generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
      generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey,
      generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey,
      generateKeyPairSync('ed25519').privateKey,
    ]
    for (const key of others) await refused('ERR_NOT_SUPPORTED', () => card.importKey('82', key))
    await refused('ERR_DATA', () => card.importKey('82', createPublicKey(others[3] ?? '')))
    assertSigned(publicKey, message, await card.sign('82', message))
  },

  'a moved key signs from its new slot, and not from the old one': async (subject) => {
    const card = await ready(subject)
    const key = await card.generateKey('9a')
    await card.generateKey('82')
    await card.moveKey('9a', 'retired-1')
    await refused('ERR_KEY_ABSENT', () => card.sign('9a', message))
    assertSigned(key, message, await card.sign('82', message))
    await card.moveKey('82', '82')
    assertSigned(key, message, await card.sign('82', message))
    await refused('ERR_KEY_ABSENT', () => card.moveKey('9a', '82'))
    assert.equal(
      (await card.keys()).map(({ slot }) => slot),
      ['82'],
    )
  },

  'a deleted key is gone': async (subject) => {
    const card = await ready(subject)
    await card.generateKey('9a')
    await card.deleteKey('9a')
    await refused('ERR_KEY_ABSENT', () => card.sign('9a', message))
    await refused('ERR_KEY_ABSENT', () => card.deleteKey('9a'))
    const { card: later } = await subject.again()
    assert.equal(await later.keys(), [])
    for (const change of [() => later.deleteKey('9a'), () => later.moveKey('9a', '82')]) await forbidden(change)
  },
}
