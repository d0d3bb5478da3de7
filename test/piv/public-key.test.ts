// Public keys in 7F49, and as keys of node:crypto.
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { TlvError, tlv } from '../../src/iso7816/tlv.ts'
import type { Algorithm } from '../../src/piv/algorithms.ts'
import {
  algorithmOf,
  fromKeyObject,
  type PublicKey,
  readPublicKey,
  toKeyObject,
  writePublicKey,
} from '../../src/piv/public-key.ts'
import { filled, octets, truncations, withTrailer } from '../support/octets.ts'

const refused = (error: unknown) => error instanceof TlvError

const PAIRS = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  'P-384': generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
  'RSA-2048': generateKeyPairSync('rsa', { modulusLength: 2048 }),
} as const

/** SP 800-73-5 part 2, table 11: how each begins, and how long it is. */
const FORMS: ReadonlyArray<readonly [keyof typeof PAIRS, start: string, length: number]> = [
  ['P-256', '7f49 43 86 41 04', 70],
  ['P-384', '7f49 63 86 61 04', 102],
  ['RSA-2048', '7f49 82 0109 81 82 0100', 270],
]

for (const [algorithm, start, length] of FORMS) {
  test(`${algorithm}: there and back`, () => {
    const { publicKey } = PAIRS[algorithm]
    const whole = writePublicKey(fromKeyObject(publicKey))
    assert.is(whole.length, length)
    assert.is(hex(whole).slice(0, octets(start).length * 2), hex(octets(start)))
    assert.is(algorithmOf(readPublicKey(whole)), algorithm satisfies Algorithm)
    assert.ok(toKeyObject(readPublicKey(whole)).equals(publicKey))
    for (const wrong of truncations(whole)) assert.throws(() => readPublicKey(wrong), refused)
    for (const long of withTrailer(whole)) assert.ok(toKeyObject(readPublicKey(long)).equals(publicKey))
  })
}

test('an RSA key ends with its exponent', () => {
  assert.match(hex(writePublicKey(fromKeyObject(PAIRS['RSA-2048'].publicKey))), /8203010001$/)
})

const key = (...fields: readonly Uint8Array[]) => tlv(0x7f49, ...fields)
const modulus = concat(octets('80'), filled(254), octets('01'))
const exponent = tlv(0x82, octets('010001'))

for (const [what, wrong] of [
  ['nothing', key()],
  ['no exponent', key(tlv(0x81, modulus))],
  ['no modulus', key(exponent)],
  ['an even modulus', key(tlv(0x81, filled(256, 0x80)), exponent)],
  ['a modulus with its highest bit clear', key(tlv(0x81, filled(256, 0x7f)), exponent)],
  ['a modulus of 512 bits', key(tlv(0x81, modulus.slice(-64)), exponent)],
  ['an exponent of 1', key(tlv(0x81, modulus), tlv(0x82, octets('01')))],
  ['an even exponent', key(tlv(0x81, modulus), tlv(0x82, octets('010000')))],
  ['an empty exponent', key(tlv(0x81, modulus), tlv(0x82))],
  ['a point and a modulus', key(tlv(0x86, concat(octets('04'), filled(64))), tlv(0x81, modulus))],
  ['a compressed point', key(tlv(0x86, concat(octets('02'), filled(64))))],
  ['a point of 33 octets', key(tlv(0x86, concat(octets('02'), filled(32))))],
  ['a point of 66 octets', key(tlv(0x86, concat(octets('04'), filled(65))))],
  ['a point of 32 octets, another curve', key(tlv(0x86, filled(32)))],
  ['another template', tlv(0x7f21, tlv(0x81, modulus), exponent)],
] as const) {
  test(`refused: ${what}`, () => assert.throws(() => readPublicKey(wrong), refused))
}

test('cards that write more than they need to', () => {
  const plain = { modulus, exponent: octets('010001') }
  for (const odd of [
    key(tlv(0x81, concat(octets('00'), modulus)), exponent),
    key(tlv(0x81, modulus), tlv(0x82, octets('00010001'))),
    key(exponent, octets('00'), tlv(0x81, modulus), octets('99 01 00')),
    concat(octets('7f49 83 00010a 81 83 000100'), modulus, exponent, octets('90 00')),
  ]) {
    assert.equal(readPublicKey(odd), plain)
  }
})

test('a point off the curve is no key', () => {
  const point = (fromKeyObject(PAIRS['P-256'].publicKey) as Extract<PublicKey, { point: Uint8Array }>).point.slice()
  point[64] = (point[64] ?? 0) ^ 1
  assert.throws(() => toKeyObject({ point }), refused)
  assert.throws(() => toKeyObject({ point: concat(octets('04'), filled(64, 0)) }), refused)
})

test('keys of other kinds are refused', () => {
  for (const { publicKey } of [
    generateKeyPairSync('ed25519'),
    generateKeyPairSync('ec', { namedCurve: 'secp521r1' }),
    generateKeyPairSync('rsa', { modulusLength: 512 }),
    // JWK has no name for these.
    generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }),
    generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
  ]) {
    assert.throws(() => fromKeyObject(publicKey), refused)
  }
  const spki = PAIRS['P-256'].publicKey.export({ format: 'der', type: 'spki' })
  assert.is(algorithmOf(fromKeyObject(createPublicKey({ key: spki, format: 'der', type: 'spki' }))), 'P-256')
})

test.run()
