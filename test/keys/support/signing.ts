// The table of signatures, for a card of any kind: each kind of key in each way that Node signs.
import { constants, createPublicKey, type KeyObject, verify, webcrypto } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Algorithm, Card } from '../../../src/index.ts'
import { type CardKey, cardKey } from '../../../src/keys/index.ts'
import { PIN, type Subject, type SubjectName, startSubject } from '../../contract/subjects.ts'
import { MESSAGE, signAsync } from './node.ts'

const { RSA_PKCS1_PSS_PADDING: PSS, RSA_PSS_SALTLEN_DIGEST, RSA_PSS_SALTLEN_MAX_SIGN } = constants
const { subtle } = webcrypto

const SLOTS = { 'P-256': '9a', 'P-384': '82', 'RSA-2048': '83', 'RSA-3072': '84' } as const

/** What a row of the table does, with the key and its public half. */
type Way = (key: CardKey, publicKey: KeyObject) => Promise<boolean>

const bySign =
  (hash: string, options: object = {}): Way =>
  async ({ privateKey }, publicKey) => {
    const signature = await signAsync(hash, { key: privateKey, ...options })
    const own = createPublicKey(privateKey)
    return [publicKey, own].every((key) => verify(hash, MESSAGE, { key, ...options }, signature))
  }

const bySubtle =
  (name: string, hash: string, options: object = {}): Way =>
  async (key, publicKey) => {
    const privateKey = await key.cryptoKey({ name, hash })
    const spki = publicKey.export({ type: 'spki', format: 'der' })
    const parameters = {
      name,
      hash,
      namedCurve: key.publicKey.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256',
    }
    const verifier = await subtle.importKey('spki', spki, parameters, false, ['verify'])
    const signature = await subtle.sign({ name, hash, ...options }, privateKey, MESSAGE)
    assert.is(privateKey.extractable, false)
    return subtle.verify({ name, hash, ...options }, verifier, signature, MESSAGE)
  }

const EC: Readonly<Record<string, Way>> = {
  'crypto.sign, SHA-256': bySign('sha256'),
  'crypto.sign, SHA-512': bySign('sha512'),
  'crypto.sign, r || s': bySign('sha384', { dsaEncoding: 'ieee-p1363' }),
  'subtle.sign, SHA-256': bySubtle('ECDSA', 'SHA-256'),
  'subtle.sign, SHA-384': bySubtle('ECDSA', 'SHA-384'),
}
const RSA: Readonly<Record<string, Way>> = {
  'crypto.sign, PKCS#1': bySign('sha256'),
  'crypto.sign, PKCS#1, SHA-512': bySign('sha512'),
  'crypto.sign, PSS': bySign('sha256', { padding: PSS }),
  'crypto.sign, PSS, salt as long as the hash': bySign('sha384', { padding: PSS, saltLength: RSA_PSS_SALTLEN_DIGEST }),
  'crypto.sign, PSS, longest salt': bySign('sha512', { padding: PSS, saltLength: RSA_PSS_SALTLEN_MAX_SIGN }),
  'crypto.sign, PSS, no salt': bySign('sha256', { padding: PSS, saltLength: 0 }),
  'subtle.sign, PKCS#1': bySubtle('RSASSA-PKCS1-v1_5', 'SHA-256'),
  'subtle.sign, PSS': bySubtle('RSA-PSS', 'SHA-384', { saltLength: 48 }),
  'subtle.sign, PSS, short salt': bySubtle('RSA-PSS', 'SHA-256', { saltLength: 5 }),
}
const WAYS: Readonly<Partial<Record<Algorithm, Readonly<Record<string, Way>>>>> = {
  'P-256': EC,
  'P-384': EC,
  'RSA-2048': RSA,
  'RSA-3072': {
    'crypto.sign, PKCS#1': bySign('sha256'),
    'subtle.sign, PSS': bySubtle('RSA-PSS', 'SHA-256', { saltLength: 32 }),
  },
}

export function signingTests(name: SubjectName, algorithms: readonly Algorithm[]): void {
  let subject: Subject
  let card: Card

  test.before(async () => {
    subject = await startSubject(name)
    ;({ card } = await subject.fresh())
    for (const algorithm of algorithms) {
      await subject.manage(card)
      const publicKey = await card.generateKey(SLOTS[algorithm], { algorithm, pinPolicy: 'once' })
      await card.nameKey(SLOTS[algorithm], publicKey)
    }
    await card.lock()
  })
  test.after(() => subject?.stop())

  for (const algorithm of algorithms) {
    for (const [title, way] of Object.entries(WAYS[algorithm] ?? {})) {
      test(`${algorithm}: ${title}`, async () => {
        const key = await cardKey(card, SLOTS[algorithm], { onPin: PIN })
        const { publicKey } = await card.keyInfo(SLOTS[algorithm])
        assert.ok(await way(key, publicKey))
        key.close()
      })
    }
  }
}
