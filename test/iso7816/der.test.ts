// DER as it is written: X.690, 8 and 10.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import {
  bits,
  DER,
  element,
  field,
  integer,
  integerSize,
  numberStart,
  octetField,
  putInteger,
} from '../../src/iso7816/der.ts'
import { octets } from '../support/octets.ts'

test('integers are as short as they may be, and never negative', () => {
  for (const [number, written] of [
    ['', '020100'],
    ['00', '020100'],
    ['0000', '020100'],
    ['01', '020101'],
    ['7f', '02017f'],
    ['80', '02020080'],
    ['0080', '02020080'],
    ['00ff01', '020300ff01'],
    ['0100', '02020100'],
  ] as const) {
    assert.is(hex(integer(octets(number))), written, number)
  }
})

test('an integer is written into a place of the size that was said', () => {
  const number = octets('00 00 80 01')
  const start = numberStart(number, 0, number.length)
  assert.is(start, 2)
  const target = new Uint8Array(integerSize(number, start, number.length) + 2)
  assert.is(putInteger(target, 1, number, start, number.length), target.length - 1)
  assert.is(hex(target), '00020300800100')
})

test('elements of every length, X.690, 8.1.3', () => {
  for (const [length, head] of [
    [0, '3000'],
    [127, '307f'],
    [128, '308180'],
    [256, '30820100'],
    [65_535, '3082ffff'],
    [65_536, '3083010000'],
    [16_777_216, '308401000000'],
  ] as const) {
    const written = element(DER.sequence, new Uint8Array(length))
    assert.is(hex(written.subarray(0, head.length / 2)), head, `${length} octets`)
    assert.is(written.length, head.length / 2 + length)
  }
  assert.is(hex(element(DER.set, Uint8Array.of(1), Uint8Array.of(2))), '31020102')
})

test('bit strings of whole octets, and tags by number', () => {
  assert.is(hex(bits(octets('a0 01'))), '030300a001')
  assert.is(hex(bits(new Uint8Array(0))), '030100')
  assert.equal([field(0), field(3), octetField(1)], [0xa0, 0xa3, 0x81])
})

test.run()
