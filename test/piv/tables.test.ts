// Slots, algorithms, PIN fields.
import { createCipheriv } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex, utf8 } from '../../src/bytes.ts'
import {
  ADMIN_ALGORITHMS,
  ALGORITHMS,
  adminAlgorithmById,
  algorithmById,
  parseAlgorithm,
} from '../../src/piv/algorithms.ts'
import { DEFAULT_ADMIN_KEY, PIN_REFERENCES, padPin, unpadPin } from '../../src/piv/pin.ts'
import { ADMIN_KEY, keyReference, parseSlot, SLOTS, slotOfReference } from '../../src/piv/slots.ts'
import { filled, octets } from '../support/octets.ts'

test('slots by key reference', () => {
  const known = Array.from({ length: 256 }, (_, reference) => slotOfReference(reference)).filter(
    (slot) => slot !== undefined,
  )
  assert.equal([...known].sort(), [...SLOTS.keys()].sort())
  assert.is(known.length, 24)
  for (const slot of known) assert.is(slotOfReference(keyReference(slot)), slot)
  assert.is(keyReference(parseSlot('retired-20')), 0x95)
  for (const other of [ADMIN_KEY, 0x04, 0x80, 0x96, 0xf9, 0x00]) assert.is(slotOfReference(other), undefined)
})

test('algorithms by identifier', () => {
  const known = Array.from({ length: 256 }, (_, id) => algorithmById(id)).filter((name) => name !== undefined)
  assert.equal(known.sort(), Object.keys(ALGORITHMS).sort())
  assert.equal([0x11, 0x14, 0x07, 0x05].map(algorithmById), ['P-256', 'P-384', 'RSA-2048', 'RSA-3072'])
  assert.equal([0x00, 0x03, 0x08, 0x0a, 0x0c].map(adminAlgorithmById), [
    '3DES',
    '3DES',
    'AES-128',
    'AES-192',
    'AES-256',
  ])
  for (const other of [0x01, 0x02, 0x04, 0x09, 0x0b, 0x0d, 0x11]) assert.is(adminAlgorithmById(other), undefined)
})

/** The reference's vectors, with the default key cut off or lengthened. */
const VECTORS = [
  ['AES-192', DEFAULT_ADMIN_KEY, '00112233445566778899aabbccddeeff', 'c53c74bb02939c2fd3d923078f3e757d'],
  ['3DES', DEFAULT_ADMIN_KEY, '0011223344556677', '26604d88e55bd3e7'],
  ['AES-128', DEFAULT_ADMIN_KEY.slice(0, 32), '00112233445566778899aabbccddeeff', '748a7cd2c60f936f20f5a1fc1c1e36e3'],
  [
    'AES-256',
    `${DEFAULT_ADMIN_KEY}0102030405060708`,
    '00112233445566778899aabbccddeeff',
    '6399299506d83c6afffaacbf2bd66355',
  ],
] as const

for (const [name, key, plain, encrypted] of VECTORS) {
  test(`${name}: the table names the right cipher`, () => {
    const { cipher, key: length, block } = ADMIN_ALGORITHMS[name]
    assert.is(octets(key).length, length)
    const context = createCipheriv(cipher, octets(key), null).setAutoPadding(false)
    assert.is(hex(context.update(octets(plain))), encrypted)
    assert.is(octets(plain).length, block)
  })
}

test('PIN fields', () => {
  assert.is(hex(padPin(utf8('123456'))), '313233343536ffff')
  assert.is(hex(padPin(utf8('12345678'))), '3132333435363738')
  assert.throws(
    () => padPin(utf8('123456789')),
    (error: unknown) => error instanceof RangeError,
  )
  for (const pin of ['123456', '1234567', '12345678', '1']) assert.equal(unpadPin(padPin(utf8(pin))), utf8(pin))
  for (const wrong of [
    filled(8, 0xff),
    filled(7, 0x31),
    filled(9, 0x31),
    octets(''),
    octets('3132ff34353637ff'),
    octets('ff31323334353637'),
  ]) {
    assert.is(unpadPin(wrong), undefined, hex(wrong))
  }
  // Letters are padded well: that they are no PIN is looked at elsewhere.
  assert.equal(unpadPin(octets('616263646566ffff')), utf8('abcdef'))
})

test('what is taken out of a field is a copy', () => {
  const field = padPin(utf8('123456'))
  const pin = unpadPin(field)
  field.fill(0)
  assert.equal(pin, utf8('123456'))
})

test('PIN references', () => {
  assert.equal(PIN_REFERENCES, { globalPin: 0x00, pin: 0x80, puk: 0x81, fingerprint: 0x96, pairingCode: 0x98 })
})

test('algorithms of other cards are refused by name', () => {
  const refusal = (name: string): string => {
    try {
      return parseAlgorithm(name)
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }
  for (const name of ['Ed25519', 'X25519', 'RSA-4096']) {
    assert.is(refusal(name), `The TPMs of today do not have ${name} keys. Use one of P-256, P-384, RSA-2048, RSA-3072.`)
  }
  assert.match(refusal('rsa-1024'), /^RSA-1024 is broken. Use one of/)
  assert.match(refusal('P-521'), /^There is no key algorithm 'P-521'/)
  assert.is(refusal('rsa-3072'), 'RSA-3072')
})

test.run()
