// Signatures: every algorithm, every form.
import { createHash, type KeyObject, randomBytes } from 'node:crypto'
import * as assert from 'uvu/assert'
import type { Algorithm, Card, SignatureOptions } from '../../../src/index.ts'
import { assertSignedDigest } from '../../library/verify.ts'
import { PIN, type Subject } from '../subjects.ts'
import { assertSigned, type Clauses, message, refused } from './clause.ts'

const HASHES = ['SHA-256', 'SHA-384', 'SHA-512'] as const
const ALGORITHMS = ['P-256', 'P-384', 'RSA-2048'] as const

interface WithKey {
  readonly card: Card
  readonly publicKey: KeyObject
}

/** A card with a new key of `algorithm` in 9a, verified. */
export async function withKey(subject: Subject, algorithm: Algorithm): Promise<WithKey> {
  const { card } = await subject.fresh()
  await subject.manage(card)
  const publicKey = await card.generateKey('9a', { algorithm })
  await card.verifyPin(PIN)
  return { card, publicKey }
}

export async function signsInEveryForm(subject: Subject, algorithm: Algorithm): Promise<WithKey> {
  const { card, publicKey } = await withKey(subject, algorithm)
  const info = await card.keyInfo('authentication')
  assert.equal([info.slot, info.name, info.algorithm, info.pinPolicy], ['9a', 'authentication', algorithm, 'once'])
  assert.ok(info.publicKey.equals(publicKey))
  const other: SignatureOptions = publicKey.asymmetricKeyType === 'ec' ? { format: 'raw' } : { padding: 'pss' }
  for (const hash of HASHES) {
    for (const options of [{ hash }, { hash, ...other }]) {
      assertSigned(publicKey, message, await card.sign('9a', message, options), options)
      const digest = createHash(hash.replace('-', '')).update(message).digest()
      assertSigned(publicKey, message, await card.signDigest('9a', digest, options), options)
    }
  }
  return { card, publicKey }
}

async function* inParts(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size)
}

export const SIGNATURES: Clauses = {
  ...Object.fromEntries(
    ALGORITHMS.map((algorithm) => [
      `${algorithm}: a new key signs with every hash, in every form`,
      async (subject: Subject) => void (await signsInEveryForm(subject, algorithm)),
    ]),
  ),

  'messages of any length are signed, whole or in parts': async (subject) => {
    const { card, publicKey } = await withKey(subject, 'P-256')
    const large = randomBytes(200_001)
    for (const length of [0, 1, 65_536, 65_537, 200_001]) {
      const data = large.subarray(0, length)
      assertSigned(publicKey, data, await card.sign('9a', data))
      assertSigned(publicKey, data, await card.sign('9a', inParts(data, 5000)))
    }
    const broken = async function* () {
      yield message
      throw new RangeError('the source broke')
    }
    await card.sign('9a', broken()).then(
      () => assert.unreachable(),
      (error) => assert.instance(error, RangeError),
    )
    assertSigned(publicKey, message, await card.sign('9a', message))
  },

  'digests of other lengths than the curve: shorter ones as they are, longer ones from the left': async (subject) => {
    for (const [algorithm, octets] of [['P-256', 32] as const, ['P-384', 48] as const]) {
      const { card, publicKey } = await withKey(subject, algorithm)
      for (const length of [1, 20, 28, octets - 1, octets, 48, 64]) {
        const digest = randomBytes(length)
        // FIPS 186-5, 6.4: of a longer digest its leftmost bits count.
        assertSignedDigest(publicKey, digest.subarray(0, octets), await card.signDigest('9a', digest))
      }
      for (const length of [0, octets + 1, 63, 65, 1000]) {
        await refused('ERR_DATA', () => card.signDigest('9a', new Uint8Array(length)))
      }
    }
  },

  'an RSA key takes digests of the length of their hash and of no other': async (subject) => {
    const { card, publicKey } = await withKey(subject, 'RSA-2048')
    for (const length of [0, 20, 31, 33, 48, 256]) {
      await refused('ERR_DATA', () => card.signDigest('9a', new Uint8Array(length)))
    }
    assertSigned(publicKey, message, await card.sign('9a', message))
  },

  'SHA-1 and what is no hash are refused': async (subject) => {
    const { card } = await withKey(subject, 'P-256')
    for (const hash of ['SHA-1', 'MD5', '', 'SHA-257']) {
      await refused('ERR_ALGORITHM', () => card.sign('9a', message, { hash }))
    }
  },
}
