// ECDSA signatures in both forms; node:crypto knows both too.
import { createSign, generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { TlvError } from '../../src/iso7816/tlv.ts'
import { ecdsaInDer, ecdsaToDer, ecdsaToRaw } from '../../src/piv/ecdsa.ts'
import { filled, octets, truncations, withTrailer } from '../support/octets.ts'
import { seeded } from '../support/random.ts'

const refused = (error: unknown) => error instanceof TlvError

test('signatures of node:crypto', () => {
  for (const [namedCurve, size] of [
    ['prime256v1', 32],
    ['secp384r1', 48],
  ] as const) {
    const { privateKey, publicKey: _ } = generateKeyPairSync('ec', { namedCurve })
    for (let round = 0; round < 50; round += 1) {
      const der = Uint8Array.from(createSign('sha256').update(String(round)).sign(privateKey))
      assert.is(hex(ecdsaToDer(ecdsaToRaw(der, size))), hex(der))
    }
  }
})

test('numbers with zeros and high bits in front', () => {
  const raw = concat(octets('00000001'), octets('80000000'))
  assert.is(hex(ecdsaToDer(raw)), '300a0201010205' + '0080000000')
  assert.equal(ecdsaToRaw(ecdsaToDer(raw), 4), raw)
  assert.is(hex(ecdsaToDer(filled(8, 0))), '3006020100020100')
  assert.equal(ecdsaToRaw(octets('3006020100020100'), 4), filled(8, 0))
})

test('random numbers, there and back', () => {
  const random = seeded('ecdsa')
  for (let round = 0; round < 500; round += 1) {
    const raw = random.octets(64)
    if (random.chance(3)) raw.fill(0, 0, random.below(32))
    if (random.chance(3)) raw.fill(0, 32, 32 + random.below(33))
    assert.equal(ecdsaToRaw(ecdsaToDer(raw), 32), raw)
  }
})

test('every truncation is refused, and what comes after it is left away', () => {
  const der = ecdsaToDer(filled(64))
  for (const wrong of truncations(der)) assert.throws(() => ecdsaToRaw(wrong, 32), refused)
  for (const long of withTrailer(der)) assert.equal(ecdsaInDer(long), der)
})

test('cards that write more than DER allows are read, and what comes of it is DER', () => {
  for (const [odd, der] of [
    ['3007 02020001 020101', '3006 020101 020101'],
    ['308106 020101 020101', '3006 020101 020101'],
    ['30820008 02810101 02810102', '3006 020101 020102'],
    ['300a 02040000007f 02020080', '3007 02017f 02020080'],
    ['3006 020101 020101 0000', '3006 020101 020101'],
  ] as const) {
    assert.is(hex(ecdsaInDer(octets(odd))), hex(octets(der)), odd)
    assert.equal(ecdsaToRaw(octets(odd), 4), ecdsaToRaw(octets(der), 4))
  }
})

for (const [digits, what] of [
  ['3106 020101 020101', 'no SEQUENCE'],
  ['3003 020101', 'one number'],
  ['3009 020101 020101 020101', 'three numbers'],
  ['3006 030101 020101', 'no INTEGER'],
  ['3005 0200 020101', 'an empty number'],
  ['3006 020180 020101', 'a negative number'],
  ['300a 02050100000000 020101', 'a number that is too long'],
  ['3009 020101 020101 0001ff', 'something after the numbers'],
] as const) {
  test(`refused: ${what}`, () => assert.throws(() => ecdsaToRaw(octets(digits), 4), refused))
}

test.run()
