// Fields by table: each once, none unknown, none missing, each of its length.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { knownFields, pickFields, readFields, wrapFields, writeFields } from '../../src/iso7816/fields.ts'
import { readTlvs, TlvError } from '../../src/iso7816/tlv.ts'
import { octets } from '../support/octets.ts'

const TABLE = {
  first: { tag: 0x80, length: 1 },
  second: { tag: 0x81, length: [1, 3], optional: true },
  third: { tag: 0x82 },
} as const

test('read in any order, written in that of the table', () => {
  const fields = readFields(octets('82 00 81 02 0102 80 01 aa'), TABLE)
  assert.equal(fields, { third: octets(''), second: octets('0102'), first: octets('aa') })
  assert.is(hex(concat(...writeFields(fields, TABLE))), '8001aa810201028200')
})

test('an optional field may be missing', () => {
  const fields = readFields(octets('80 01 aa 82 00'), TABLE)
  assert.equal(Object.keys(fields).sort(), ['first', 'third'])
  assert.is(hex(concat(...writeFields(fields, TABLE))), '8001aa8200')
})

for (const [digits, what] of [
  ['82 00', 'a field is missing'],
  ['80 01 aa', 'another is missing'],
  ['80 01 aa 82 00 83 00', 'an unknown tag'],
  ['80 01 aa 80 01 bb 82 00', 'a tag twice'],
  ['80 00 82 00', 'too short'],
  ['80 02 aabb 82 00', 'too long'],
  ['80 01 aa 81 00 82 00', 'below a range'],
  ['80 01 aa 81 04 01020304 82 00', 'above a range'],
] as const) {
  test(`refused: ${what}`, () =>
    assert.throws(
      () => readFields(octets(digits), TABLE),
      (error: unknown) => error instanceof TlvError,
    ))
}

test('of what other makers have, what is known is found', () => {
  for (const [digits, fields] of [
    ['82 00 81 02 0102 80 01 aa', { third: octets(''), second: octets('0102'), first: octets('aa') }],
    ['80 01 aa 99 01 00 80 01 bb 5f2f 00 82 00', { first: octets('aa'), third: octets('') }],
    ['80 02 aabb 80 01 cc', { first: octets('cc') }],
    ['00 00 80 01 aa 00 ff ff', { first: octets('aa') }],
    ['80 81 01 aa 81 82 0002 0102', { first: octets('aa'), second: octets('0102') }],
    ['80 01 aa 81 05 01', { first: octets('aa') }],
    ['', {}],
    ['ff', {}],
  ] as const) {
    assert.equal(knownFields(octets(digits), TABLE), fields, digits)
  }
})

test('what would not be read is not written', () => {
  const refused = (error: unknown) => error instanceof TlvError
  assert.throws(() => writeFields({ first: octets(''), third: octets('') }, TABLE), refused)
  assert.throws(() => writeFields({ first: octets('aa') } as never, TABLE), refused)
})

test('a data object around fields is written at once, as piece by piece', () => {
  const fields = { first: octets('aa'), second: octets('0102'), third: new Uint8Array(300) }
  const apart = concat(...writeFields(fields, TABLE))
  assert.is(hex(wrapFields(0x7c, fields, TABLE)), `7c820137${hex(apart)}`)
  assert.is(hex(wrapFields(0x7c, { first: octets('aa'), third: octets('') }, TABLE)), '7c058001aa8200')
  const refused = (error: unknown) => error instanceof TlvError
  assert.throws(() => wrapFields(0x7c, { first: octets(''), third: octets('') }, TABLE), refused)
  assert.throws(() => wrapFields(0x7c, { first: octets('aa') } as never, TABLE), refused)
})

test('data objects that were read already are picked by the same rules', () => {
  const pick = (digits: string) => pickFields(readTlvs(octets(digits)), TABLE)
  assert.equal(pick('82 00 80 01 aa'), { third: octets(''), first: octets('aa') })
  for (const wrong of ['80 01 aa', '80 01 aa 80 01 aa 82 00', '80 01 aa 82 00 83 00']) {
    assert.throws(
      () => pick(wrong),
      (error: unknown) => error instanceof TlvError,
    )
  }
})

test.run()
