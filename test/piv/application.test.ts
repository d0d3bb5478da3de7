// The PIV application: which identifiers select it, and what it answers.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { TlvError } from '../../src/iso7816/tlv.ts'
import {
  labelIn,
  PIV_AID,
  PIV_AID_TRUNCATED,
  PIV_RID,
  selectsPiv,
  writeApplicationProperties,
} from '../../src/piv/application.ts'
import { readApplicationProperties } from '../support/application-properties.ts'
import { octets, truncations, withTrailer } from '../support/octets.ts'

const refused = (error: unknown) => error instanceof TlvError

test('the identifier, and its right truncations from the RID on', () => {
  assert.is(hex(PIV_AID), 'a000000308000010000100')
  assert.is(hex(PIV_AID_TRUNCATED), 'a00000030800001000')
  for (let length = 0; length <= 11; length += 1) assert.is(selectsPiv(PIV_AID.slice(0, length)), length >= 5)
})

test('other applications are not this one', () => {
  for (const aid of [
    'a0 00 00 03 08 00 00 10 00 01 00 00',
    'a0 00 00 03 08 00 00 20 00 01 00',
    'a0 00 00 05 27 47 11 17',
    'a0 00 00 05 27 20 01',
    'a0 00 00 01 51 00 00 00',
    'a0 00 00 03 97 42 54 46 59',
    'a0 00 00 03 97 43 49 44 5f 01 00',
    '62 76 01 ff 00 00 00',
    'a0 00 00 00 01 01',
    'e8 2b 06 01 04 01 81 c3 1f 02 01',
    'd2 76 00 01 24 01',
    'f0 01 02 03 04 05',
    '3f 00',
  ]) {
    assert.not(selectsPiv(octets(aid)), aid)
  }
})

test('the answer of a YubiKey 5', () => {
  const whole = octets('61 11 4F 06 00 00 10 00 01 00 79 07 4F 05 A0 00 00 03 08')
  const properties = { identifier: octets('000010000100'), authority: PIV_RID, algorithms: [] }
  assert.equal(readApplicationProperties(whole), properties)
  assert.is(hex(writeApplicationProperties(properties)), hex(whole))
  for (const wrong of [...truncations(whole), ...withTrailer(whole)]) {
    assert.throws(() => readApplicationProperties(wrong), refused)
  }
})

test('the label, where it can be read', () => {
  const properties = { identifier: PIV_AID, authority: PIV_RID, algorithms: [] }
  assert.is(labelIn(writeApplicationProperties({ ...properties, label: 'Tessera' })), 'Tessera')
  assert.is(labelIn(writeApplicationProperties(properties)), undefined)
  for (const other of ['', '61', '61 05 50', '6f 03 50 01 41']) assert.is(labelIn(octets(other)), undefined, other)
})

test('label, URL, algorithms', () => {
  const properties = {
    identifier: PIV_AID,
    authority: PIV_RID,
    label: 'Tessera',
    url: 'https://a',
    algorithms: [0x07, 0x11, 0x14],
  }
  const whole = writeApplicationProperties(properties)
  assert.match(hex(whole), /ac0c800107800111800114060100$/)
  assert.equal(readApplicationProperties(whole), properties)
})

test('a list of algorithms for each, as PivApplet has it', () => {
  const inside = '4f 05 a000000308 ac 06 80 01 03 06 01 00 ac 06 80 01 11 06 01 00'
  const whole = octets(`61 26 4f 0b ${hex(PIV_AID)} 79 07 ${inside}`)
  assert.equal(readApplicationProperties(whole).algorithms, [0x03, 0x11])
})

for (const [list, what] of [
  ['ac 00', 'an empty list'],
  ['ac 03 06 01 00', 'no algorithm'],
  ['ac 03 80 01 11', 'no object identifier'],
  ['ac 06 80 01 11 06 01 01', 'another object identifier'],
  ['ac 06 81 01 11 06 01 00', 'a tag that does not belong there'],
  ['ac 07 80 02 11 11 06 01 00', 'an algorithm of two octets'],
  ['4d 00', 'an unknown tag'],
] as const) {
  test(`refused: ${what}`, () => {
    const inside = `4F 06 000010000100 79 07 4F 05 A000000308 ${list}`
    const length = octets(inside).length.toString(16).padStart(2, '0')
    assert.throws(() => readApplicationProperties(octets(`61 ${length} ${inside}`)), refused)
  })
}

test.run()
