// BER-TLV: what is read is what was written, and nothing else is read at all.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { find, readableTlvs, readTlv, readTlvs, TlvError, tlv, unwrap } from '../../src/iso7816/tlv.ts'
import { filled, octets, truncations, withTrailer } from '../support/octets.ts'
import { type Random, seeded } from '../support/random.ts'

const refused = (work: () => unknown, what: string) =>
  assert.throws(work, (error: unknown) => error instanceof TlvError, what)

test('tags of one, two and three octets', () => {
  for (const [digits, tag] of [
    ['53 01 aa', 0x53],
    ['7f 49 01 aa', 0x7f49],
    ['7f 61 01 aa', 0x7f61],
    ['5f 2f 01 aa', 0x5f2f],
    ['5f c1 02 01 aa', 0x5fc102],
    ['fe 01 aa', 0xfe],
  ] as const) {
    assert.equal(readTlv(octets(digits)), { tag, value: octets('aa') })
    assert.is(hex(tlv(tag, octets('aa'))), hex(octets(digits)))
  }
})

test('each length has one form', () => {
  for (const [length, form] of [
    [0, '00'],
    [0x7f, '7f'],
    [0x80, '81 80'],
    [0xff, '81 ff'],
    [0x100, '82 01 00'],
    [0xffff, '82 ff ff'],
  ] as const) {
    const whole = concat(octets(`53 ${form}`), filled(length))
    assert.is(hex(tlv(0x53, filled(length))), hex(whole))
    assert.equal(readTlv(whole).value, filled(length))
  }
})

test('several values are one after the other', () => {
  assert.is(hex(tlv(0x7c, tlv(0x82), tlv(0x81, octets('0102')))), '7c06820081020102')
})

test('BER: 81 to 84 stand for any number, as cards and hosts write it', () => {
  for (const [digits, length] of [
    ['53 81 00', 0],
    ['53 81 05', 5],
    ['53 81 7f', 0x7f],
    ['53 82 00 00', 0],
    ['53 82 00 46', 0x46],
    ['53 82 00 ff', 0xff],
    ['53 83 00 01 00', 0x100],
    ['53 84 00 00 00 05', 5],
    ['53 84 00 00 01 23', 0x123],
  ] as const) {
    const whole = concat(octets(digits), filled(length))
    assert.equal(readTlv(whole, 'BER'), { tag: 0x53, value: filled(length) }, digits)
    assert.equal(unwrap(whole, 0x53, 'BER'), filled(length))
    assert.equal(readableTlvs(whole), [{ tag: 0x53, value: filled(length) }])
    for (const cut of truncations(whole)) refused(() => readTlv(cut, 'BER'), `${digits}, cut`)
  }
  for (const digits of [
    '53 80 00 00',
    '53 85 00 00 00 00 00',
    '53 ff aa',
    '53 84 ff ff ff ff 00',
    '53 84 80 00 00 00',
  ]) {
    refused(() => readTlvs(octets(digits), 'BER'), digits)
  }
})

test('what can be read at the beginning is read: noughts mean nothing, and what is none ends it', () => {
  const two = [
    { tag: 0x80, value: octets('aa') },
    { tag: 0x82, value: octets('') },
  ]
  for (const digits of [
    '80 01 aa 82 00',
    '00 80 01 aa 00 00 82 00 00 00',
    '80 01 aa 82 00 ff ff',
    '80 01 aa 82 00 83 05 01',
    '80 81 01 aa 82 82 00 00 5f',
  ]) {
    assert.equal(readableTlvs(octets(digits)), two, digits)
  }
  assert.equal(readableTlvs(octets('')), [])
  assert.equal(readableTlvs(octets('ff 80 01 aa')), [])
})

const MALFORMED: ReadonlyArray<readonly [digits: string, what: string]> = [
  ['53 81 7f', 'length 7f in two octets'],
  [`53 81 05 ${'aa'.repeat(5)}`, 'length 5 in two octets'],
  [`53 82 00 ff ${'aa'.repeat(255)}`, 'length ff in three octets'],
  ['53 82 00 00', 'length 0 in three octets'],
  ['53 81 00', 'length 0 in two octets'],
  ['53 80 00 00', 'indefinite length'],
  ['53 83 00 00 01 aa', 'length of three octets'],
  ['53 84 00 00 00 01 aa', 'length of four octets'],
  ['53 ff aa', 'reserved length'],
  ['00 00', 'tag 00'],
  ['ff 01 00', 'tag FF'],
  ['5f 1e 00', 'tag number 30 in two octets'],
  ['5f 00 00', 'tag number 0 in two octets'],
  ['5f 80 01 00', 'leading zeros in a tag number'],
  ['5f c1 82 03 00', 'tag of four octets'],
  ['53 00 00', 'padding'],
  ['53 01 aa ff', 'padding with FF'],
  ['53', 'no length'],
  ['5f', 'half a tag'],
  ['5f c1', 'two thirds of a tag'],
]

for (const [digits, what] of MALFORMED) {
  test(`refused: ${what}`, () => refused(() => readTlvs(octets(digits)), what))
}

test('every truncation is refused, and every octet after it', () => {
  for (const length of [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x123]) {
    for (const tag of [0x53, 0x7f49, 0x5fc102]) {
      const whole = tlv(tag, filled(length))
      for (const cut of truncations(whole)) refused(() => readTlv(cut), hex(cut.subarray(0, 8)))
      for (const long of withTrailer(whole)) refused(() => readTlv(long), 'one octet more')
      refused(() => readTlv(concat(whole, whole)), 'twice')
    }
  }
})

test('unwrap wants its tag', () => {
  assert.equal(unwrap(octets('7c 02 80 00'), 0x7c), octets('80 00'))
  refused(() => unwrap(octets('7d 02 80 00'), 0x7c), 'another tag')
  refused(() => unwrap(octets(''), 0x7c), 'nothing')
})

test('find', () => {
  const tlvs = readTlvs(octets('80 01 aa 81 00'))
  assert.equal(find(tlvs, 0x80), octets('aa'))
  assert.equal(find(tlvs, 0x81), octets(''))
  assert.is(find(tlvs, 0x82), undefined)
  assert.equal(readTlvs(octets('')), [])
})

test('a value is a view of what was read', () => {
  const whole = octets('53 01 aa')
  const { value } = readTlv(whole)
  whole[2] = 0xbb
  assert.is(value[0], 0xbb)
})

test('what cannot be written is a mistake of the program', () => {
  const mistake = (error: unknown) => error instanceof RangeError
  for (const tag of [0x00, 0xff, 0x5f00, 0x5fc182, 0x1f, 0x5fc10203]) assert.throws(() => tlv(tag), mistake, hexOf(tag))
  assert.throws(() => tlv(0x53, filled(0x10000)), mistake)
})

const hexOf = (number: number) => number.toString(16)

const TAGS = [0x01, 0x30, 0x53, 0x7e, 0x80, 0xac, 0xfe, 0x5f2f, 0x7f49, 0x7f61, 0x5fc102, 0x5fff01]
const LENGTHS = [0, 1, 5, 0x7f, 0x80, 0xff, 0x100, 0x1ff]

function anything(random: Random): Array<{ tag: number; value: Uint8Array }> {
  return Array.from({ length: random.below(6) }, () => ({
    tag: random.pick(TAGS),
    value: random.octets(random.pick(LENGTHS)),
  }))
}

test('round trips of random objects', () => {
  const random = seeded('tlv')
  for (let round = 0; round < 500; round += 1) {
    const objects = anything(random)
    const whole = concat(...objects.map(({ tag, value }) => tlv(tag, value)))
    const read = readTlvs(whole)
    assert.is(read.length, objects.length)
    for (const [index, { tag, value }] of objects.entries()) {
      assert.is(read[index]?.tag, tag)
      assert.is(hex(read[index]?.value ?? octets('')), hex(value))
    }
  }
})

test('whatever can be read is written the same', () => {
  const random = seeded('tlv, any octets')
  let readable = 0
  for (let round = 0; round < 20_000; round += 1) {
    const whole = random.octets(random.below(12))
    try {
      const again = concat(...readTlvs(whole).map(({ tag, value }) => tlv(tag, value)))
      assert.is(hex(again), hex(whole))
      readable += 1
    } catch (error) {
      if (!(error instanceof TlvError)) throw error
    }
  }
  assert.ok(readable > 100)
})

test.run()
