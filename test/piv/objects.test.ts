// The table of data objects, and the data fields of GET DATA and PUT DATA.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { UsageError } from '../../src/errors.ts'
import { TlvError } from '../../src/iso7816/tlv.ts'
import {
  certificateTag,
  OBJECTS,
  objectByTag,
  parseObjectTag,
  readGetData,
  readObject,
  readPutData,
  tagOf,
  writeGetData,
  writeObject,
  writePutData,
} from '../../src/piv/objects.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { octets, truncations, withTrailer } from '../support/octets.ts'
import { seeded } from '../support/random.ts'

const refused = (error: unknown) => error instanceof TlvError

test('no tag, name, container or OID twice', () => {
  for (const column of ['tag', 'name', 'container', 'oid'] as const) {
    assert.is(new Set(OBJECTS.map((object) => object[column])).size, OBJECTS.length, column)
  }
  // 12 objects, 4 certificates of slots, 20 of retired keys.
  assert.is(OBJECTS.length, 36)
})

/** SP 800-73-5 part 1: tag, container, OID, capacity. */
const ROWS: ReadonlyArray<readonly [string, string, string, string, number, 'always' | 'pin']> = [
  ['ccc', '5FC107', 'DB00', '1.219.0', 170, 'always'],
  ['chuid', '5FC102', '3000', '2.48.0', 2881, 'always'],
  ['certificate-9a', '5FC105', '0101', '2.1.1', 1857, 'always'],
  ['fingerprints', '5FC103', '6010', '2.96.16', 4006, 'pin'],
  ['security', '5FC106', '9000', '2.144.0', 1336, 'always'],
  ['facial-image', '5FC108', '6030', '2.96.48', 12710, 'pin'],
  ['certificate-9e', '5FC101', '0500', '2.5.0', 1857, 'always'],
  ['certificate-9c', '5FC10A', '0100', '2.1.0', 1857, 'always'],
  ['certificate-9d', '5FC10B', '0102', '2.1.2', 1857, 'always'],
  ['printed-information', '5FC109', '3001', '2.48.1', 245, 'pin'],
  ['discovery', '7E', '6050', '2.96.80', 19, 'always'],
  ['key-history', '5FC10C', '6060', '2.96.96', 128, 'always'],
  ['certificate-82', '5FC10D', '1001', '2.16.1', 1895, 'always'],
  ['certificate-95', '5FC120', '1014', '2.16.20', 1895, 'always'],
  ['iris', '5FC121', '1015', '2.16.21', 7106, 'pin'],
  ['biometric-templates', '7F61', '1016', '2.16.22', 65, 'always'],
  ['signer', '5FC122', '1017', '2.16.23', 2471, 'always'],
  ['pairing-code', '5FC123', '1018', '2.16.24', 12, 'pin'],
]

for (const [name, tag, container, oid, capacity, read] of ROWS) {
  test(`${name} is as the reference has it`, () => {
    const object = objectByTag(tag.toLowerCase())
    assert.is(object?.name, name)
    assert.is(object?.container.toString(16).padStart(4, '0').toUpperCase(), container)
    assert.equal([object?.oid, object?.capacity, object?.read], [oid, capacity, read])
    assert.is(tagOf(name), tag.toLowerCase())
    assert.is(parseObjectTag(tag), tag.toLowerCase())
    assert.is(parseObjectTag(name.toUpperCase()), tag.toLowerCase())
  })
}

test('certificates of slots', () => {
  for (const [slot, tag] of [
    ['9a', '5fc105'],
    ['signature', '5fc10a'],
    ['9d', '5fc10b'],
    ['9e', '5fc101'],
    ['82', '5fc10d'],
    ['83', '5fc10e'],
    ['retired-20', '5fc120'],
  ] as const) {
    assert.is(certificateTag(parseSlot(slot)), tag)
  }
})

test('tags that a person writes', () => {
  assert.is(parseObjectTag('5FFF01'), '5fff01')
  for (const wrong of ['', '5f', '5fc1', '600000', '5fc1021', '7f49', 'chui', '53']) {
    assert.throws(
      () => parseObjectTag(wrong),
      (error: unknown) => error instanceof UsageError,
      wrong,
    )
  }
  assert.throws(
    () => tagOf('nothing'),
    (error: unknown) => error instanceof RangeError,
  )
})

test('GET DATA as the reference has it', () => {
  for (const [tag, digits] of [
    ['5fc102', '5c 03 5f c1 02'],
    ['7e', '5c 01 7e'],
    ['7f61', '5c 02 7f 61'],
  ] as const) {
    assert.is(hex(writeGetData(tag)), hex(octets(digits)))
    assert.is(readGetData(octets(digits)), tag)
    for (const wrong of [...truncations(octets(digits)), ...withTrailer(octets(digits))]) {
      assert.throws(() => readGetData(wrong), refused)
    }
  }
  assert.is(readGetData(octets('5c 81 03 5f c1 02')), '5fc102')
  assert.is(readGetData(octets('5c 82 00 01 7e')), '7e')
  // 5FC1F0 is no tag of BER, but can be asked for; the answer is that it is not there.
  assert.is(readGetData(octets('5c 03 5f c1 f0')), '5fc1f0')
  for (const wrong of ['5c 00', '5c 04 5fc10203', '53 01 7e', '5c 01 7e 53 00']) {
    assert.throws(() => readGetData(octets(wrong)), refused, wrong)
  }
  for (const wrong of ['', '5fc10203', 'xy']) assert.throws(() => writeGetData(wrong), /not the tag of an object/)
})

test('objects in answers: in 53, but for two', () => {
  for (const [tag, digits] of [
    ['5fc102', '53 02 3e 00'],
    ['7e', '7e 02 3e 00'],
    ['7f61', '7f 61 02 3e 00'],
  ] as const) {
    assert.is(hex(writeObject(tag, octets('3e 00'))), hex(octets(digits)))
    assert.equal(readObject(tag, octets(digits)), octets('3e 00'))
    assert.throws(() => readObject(tag, octets('54 02 3e 00')), refused)
  }
  assert.equal(readObject('5fc102', octets('53 00')), octets(''))
  for (const digits of ['53 81 02 3e 00', '53 82 00 02 3e 00', '53 83 000002 3e 00', '53 02 3e 00 00 00']) {
    assert.equal(readObject('5fc102', octets(digits)), octets('3e 00'), digits)
  }
  // There are cards that wrap the discovery object as well, and cards that leave its own tag away.
  for (const digits of ['53 04 7e 02 3e 00', '53 02 3e 00'])
    assert.equal(readObject('7e', octets(digits)), octets('3e 00'))
  for (const wrong of ['', '53 03 3e 00', 'ff 90']) assert.throws(() => readObject('5fc102', octets(wrong)), refused)
})

test('PUT DATA as the reference has it', () => {
  for (const [tag, digits] of [
    ['5fc10e', '5c 03 5f c1 0e 53 02 3e 00'],
    ['7e', '7e 02 3e 00'],
    ['7f61', '7f 61 02 3e 00'],
  ] as const) {
    const whole = octets(digits)
    assert.is(hex(writePutData(tag, octets('3e 00'))), hex(whole))
    assert.equal(readPutData(whole), { tag, content: octets('3e 00') })
    for (const wrong of [...truncations(whole), ...withTrailer(whole)]) assert.throws(() => readPutData(wrong), refused)
  }
  assert.is(hex(writePutData('5fc10e', octets(''))), '5c035fc10e5300')
  assert.equal(readPutData(octets('5c 81 03 5f c1 0e 53 82 00 02 3e 00')), { tag: '5fc10e', content: octets('3e 00') })
  for (const wrong of [
    '53 00',
    '5c 03 5fc10e',
    '53 00 5c 03 5fc10e',
    '5c 03 5fc10e 53 00 53 00',
    '5c 03 5fc10e 54 00',
    '5c 00 53 00',
    '5c 04 5fc10e01 53 00',
    '5c 01 7e 53 00',
    '5c 02 7f61 53 00',
    '7e 00 53 00',
  ]) {
    assert.throws(() => readPutData(octets(wrong)), refused, wrong)
  }
})

test('random contents, there and back', () => {
  const random = seeded('objects')
  for (let round = 0; round < 300; round += 1) {
    const { tag } = random.pick(OBJECTS)
    const content = random.octets(random.pick([0, 1, 127, 128, 255, 256, 3000]))
    assert.equal(readPutData(writePutData(tag, content)), { tag, content })
    assert.equal(readObject(tag, writeObject(tag, content)), content)
  }
})

test.run()
