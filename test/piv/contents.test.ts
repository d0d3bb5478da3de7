// What stands in the objects that every card has.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { TlvError } from '../../src/iso7816/tlv.ts'
import {
  NO_BIOMETRICS,
  NON_FEDERAL,
  readCapabilities,
  readChuid,
  readDiscovery,
  readKeyHistory,
  readPrintedInformation,
  writeCapabilities,
  writeChuid,
  writeDiscovery,
  writeKeyHistory,
  writePrintedInformation,
} from '../../src/piv/contents.ts'
import { writeObject } from '../../src/piv/objects.ts'
import { filled, octets, truncations, withTrailer } from '../support/octets.ts'

const refused = (error: unknown) => error instanceof TlvError
const guid = octets('00112233445566778899aabbccddeeff')

const TEMPLATE = octets(
  `30 19 D4 E7 39 DA 73 9C ED 39 CE 73 9D 83 68 58 21 08 42 10 84 21 C8 42 10 C3 EB
   34 10 ${hex(guid)} 35 08 3230333030313031 3E 00 FE 00`,
)

function strict(read: (octets: Uint8Array) => unknown, whole: Uint8Array): void {
  // Cut between two elements, what is missing is missed; cut within one, it is malformed.
  for (const wrong of [...truncations(whole), ...withTrailer(whole)]) assert.throws(() => read(wrong), refused)
}

test('CHUID: the template of 59 octets', () => {
  const chuid = { fascN: NON_FEDERAL, guid, expiry: '20300101' }
  assert.is(TEMPLATE.length, 59)
  assert.is(hex(writeChuid(chuid)), hex(TEMPLATE))
  assert.equal(readChuid(TEMPLATE), chuid)
  strict(readChuid, TEMPLATE)
})

/** 40 characters of five bits: four digits, lowest first, and odd parity. */
function fascN(packed: Uint8Array): string {
  const bits = [...packed].map((octet) => octet.toString(2).padStart(8, '0')).join('')
  const characters = bits.match(/.{5}/g) ?? []
  const names: Readonly<Record<string, string>> = { 11010: 'S', 10110: 'F', 11111: 'E' }
  return characters
    .map((five) => names[five] ?? Number.parseInt([...five.slice(0, 4)].reverse().join(''), 2).toString())
    .join('')
}

test('its FASC-N belongs to no federal agency', () => {
  assert.match(fascN(NON_FEDERAL), /^S9999F9999F999999F0F1F0000000000300001E10$/)
})

test('CHUID with a signature, a cardholder, and old elements', () => {
  const chuid = { fascN: NON_FEDERAL, guid, expiry: '20301231', cardholder: filled(16), signature: filled(300) }
  assert.equal(readChuid(writeChuid(chuid)), chuid)
  assert.equal(
    readChuid(
      octets(
        `ee 02 0000 ${hex(TEMPLATE).slice(0, 54)} 32 04 00000000 33 09 000000000000000000 3d 00 ${hex(TEMPLATE).slice(54)}`,
      ),
    ).guid,
    guid,
  )
  for (const wrong of [
    { ...chuid, guid: filled(15) },
    { ...chuid, expiry: '2030-1-1' },
    { ...chuid, expiry: '2030010' },
    { ...chuid, fascN: filled(24) },
    { ...chuid, cardholder: filled(1) },
  ]) {
    assert.throws(() => writeChuid(wrong), refused)
  }
})

test('CCC: 51 octets', () => {
  const content = writeCapabilities(filled(14))
  const id = hex(filled(14))
  assert.is(hex(content), `f015a000000116ff02${id}f10121f20121f300f40100f50110f600f700fa00fb00fc00fd00fe00`)
  assert.is(content.length, 51)
  assert.equal(readCapabilities(content).dataModel, octets('10'))
  assert.throws(() => writeCapabilities(filled(13)), refused)
})

test('the least CCC of NIST', () => {
  const least = octets('f000 f100 f200 f300 f400 f50110 f600 f700 fa00 fb00 fc00 fd00 fe00')
  assert.equal(readCapabilities(least).identifier, octets(''))
  for (const wrong of [...truncations(least).slice(0, -2), ...withTrailer(least)]) {
    assert.throws(() => readCapabilities(wrong), refused)
  }
})

test('discovery: 20 octets', () => {
  const content = writeDiscovery()
  const whole = octets('7E 12 4F 0B A0 00 00 03 08 00 00 10 00 01 00 5F 2F 02 40 00')
  assert.is(hex(writeObject('7e', content)), hex(whole))
  assert.equal(readDiscovery(content).policy, octets('4000'))
  assert.equal(readDiscovery(writeDiscovery(octets('6010'))).policy, octets('6010'))
  strict(readDiscovery, content)
})

test('key history', () => {
  for (const [history, digits] of [
    [{ onCard: 0, offCard: 0 }, 'c10100 c20100 fe00'],
    [{ onCard: 20, offCard: 0 }, 'c10114 c20100 fe00'],
    [{ onCard: 1, offCard: 2, url: 'http://a/b' }, 'c10101 c20102 f30a687474703a2f2f612f62 fe00'],
  ] as const) {
    assert.is(hex(writeKeyHistory(history)), hex(octets(digits)))
    assert.equal(readKeyHistory(octets(digits)), history)
    strict(readKeyHistory, octets(digits))
  }
  assert.equal(readKeyHistory(octets('c10100 c20100 f300 fe00')), { onCard: 0, offCard: 0 })
  for (const wrong of [
    'c10114 c20101 f30161 fe00',
    'c10100 c20101 fe00',
    'c10100 c20101 f300 fe00',
    'c100 c20100 fe00',
  ]) {
    assert.throws(() => readKeyHistory(octets(wrong)), refused, wrong)
  }
  assert.throws(() => writeKeyHistory({ onCard: 21, offCard: 0 }), refused)
  assert.throws(() => writeKeyHistory({ onCard: 0, offCard: 1, url: 'x'.repeat(119) }), refused)
})

test('printed information', () => {
  const card = { name: 'work', affiliation: '', expiry: '2030JAN01', serial: '0011', issuer: 'Tessera' }
  const content = writePrintedInformation(card)
  assert.is(hex(content), hex(octets('0104776f726b 0200 0409323033304a414e3031 050430303131 060754657373657261 fe00')))
  assert.equal(readPrintedInformation(content), card)
  strict(readPrintedInformation, content)
  const longer = { ...card, organization: 'A', organization2: 'Büro' }
  assert.equal(readPrintedInformation(writePrintedInformation(longer)), longer)
  assert.throws(() => writePrintedInformation({ ...card, name: 'x'.repeat(126) }), refused)
})

test('no biometrics', () => assert.is(hex(writeObject('7f61', NO_BIOMETRICS)), '7f6103020100'))

test.run()
