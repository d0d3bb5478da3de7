// What stands in the objects that every card has.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { knownFields } from '../../src/iso7816/fields.ts'
import { TlvError, tlv } from '../../src/iso7816/tlv.ts'
import {
  CAPABILITIES,
  guidOf,
  NON_FEDERAL,
  PRINTED,
  readChuid,
  readDiscovery,
  readKeyHistory,
  writeCapabilities,
  writeChuid,
  writeDiscovery,
  writeKeyHistory,
  writePrintedInformation,
} from '../../src/piv/contents.ts'
import { writeObject } from '../../src/piv/objects.ts'
import { filled, octets, truncations, withTrailer } from '../support/octets.ts'

const readCapabilities = (content: Uint8Array) => knownFields(content, CAPABILITIES)

function readPrintedInformation(content: Uint8Array): Readonly<Record<string, string>> {
  const { check: _, ...fields } = knownFields(content, PRINTED)
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, new TextDecoder().decode(value)]))
}

const refused = (error: unknown) => error instanceof TlvError
const guid = octets('00112233445566778899aabbccddeeff')

const TEMPLATE = octets(
  `30 19 D4 E7 39 DA 73 9C ED 39 CE 73 9D 83 68 58 21 08 42 10 84 21 C8 42 10 C3 EB
   34 10 ${hex(guid)} 35 08 3230333030313031 3E 00 FE 00`,
)

/** Other makers' cards: what comes after is passed over, and of what is cut off only what is whole is read. */
function liberal(read: (octets: Uint8Array) => object | undefined, whole: Uint8Array): void {
  const all = read(whole) ?? {}
  for (const long of [...withTrailer(whole), concat(octets('0000'), whole), concat(whole, whole)]) {
    assert.equal(read(long), all)
  }
  for (const cut of truncations(whole)) {
    for (const [name, value] of Object.entries(read(cut) ?? {})) {
      assert.equal(value, (all as Readonly<Record<string, unknown>>)[name], name)
    }
  }
}

test('CHUID: the template of 59 octets', () => {
  const chuid = { fascN: NON_FEDERAL, guid, expiry: '20300101' }
  assert.is(TEMPLATE.length, 59)
  assert.is(hex(writeChuid(chuid)), hex(TEMPLATE))
  assert.equal(readChuid(TEMPLATE), chuid)
  liberal(readChuid, TEMPLATE)
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

test('CHUIDs of other makers: the GUID is found, whatever else is odd', () => {
  const [fasc, id, date] = [`3019${hex(NON_FEDERAL)}`, `3410${hex(guid)}`, '35083230333530313031']
  for (const [name, digits] of Object.entries({
    'FE twice, once before the signature': `${fasc} ${id} ${date} fe00 3e00 fe00`,
    'no expiry': `${fasc} ${id} 3e00 fe00`,
    'no FASC-N, and a FASC-N of another length': `3004 00112233 ${id} ${date} 3e00 fe00`,
    'an unknown tag': `9902aabb ${fasc} ${id} ${date}`,
    'another order': `fe00 3e00 ${date} ${id} ${fasc}`,
    'a length too long': `${fasc} 34810010${hex(guid)}`.replace('34810010', '34820010'),
    'a date that is none': `${id} 35083230333541313031`,
    'a GUID of 15 octets before it': `340f${'11'.repeat(15)} ${id}`,
    'cut off within the signature': `${fasc} ${id} ${date} 3e820b00 3082`,
    'zeros between': `${fasc} 0000 ${id} 00 ${date}`,
  })) {
    assert.equal(guidOf(octets(digits)), guid, name)
  }
  for (const digits of ['', fasc, `${fasc} 3400`, `${fasc} 3410${'00'.repeat(16)} ${date}`, 'ffff', '3410aabb']) {
    assert.is(guidOf(octets(digits)), undefined, digits)
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
  liberal(readCapabilities, least)
  // ActivIdentity's have elements of their own, in another order.
  assert.equal(readCapabilities(octets('f50110 ee 02 0000 cf 01 00 f0 00')), {
    dataModel: octets('10'),
    identifier: octets(''),
  })
})

test('discovery: 20 octets', () => {
  const content = writeDiscovery()
  const whole = octets('7E 12 4F 0B A0 00 00 03 08 00 00 10 00 01 00 5F 2F 02 40 00')
  assert.is(hex(writeObject('7e', content)), hex(whole))
  assert.equal(readDiscovery(content).policy, octets('4000'))
  assert.equal(readDiscovery(writeDiscovery(octets('6010'))).policy, octets('6010'))
  liberal(readDiscovery, content)
})

test('key history', () => {
  for (const [history, digits] of [
    [{ onCard: 0, offCard: 0 }, 'c10100 c20100 fe00'],
    [{ onCard: 20, offCard: 0 }, 'c10114 c20100 fe00'],
    [{ onCard: 1, offCard: 2, url: 'http://a/b' }, 'c10101 c20102 f30a687474703a2f2f612f62 fe00'],
  ] as const) {
    assert.is(hex(writeKeyHistory(history)), hex(octets(digits)))
    assert.equal(readKeyHistory(octets(digits)), history)
    for (const long of withTrailer(octets(digits))) assert.equal(readKeyHistory(long), history)
  }
  for (const [digits, history] of [
    ['c10100 c20100 f300 fe00', { onCard: 0, offCard: 0 }],
    ['c10102', { onCard: 2, offCard: 0 }],
    ['fe00 c20101 99 00 c10102', { onCard: 2, offCard: 1 }],
    ['c10114 c20101 f30161 fe00', { onCard: 20, offCard: 1, url: 'a' }],
    ['c181 01 03 c20100', { onCard: 3, offCard: 0 }],
    ['c10115 c20100 fe00', undefined],
    ['c100 c20100 fe00', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(readKeyHistory(octets(digits)), history, digits)
  }
  assert.throws(() => writeKeyHistory({ onCard: 20, offCard: 1, url: 'a' }), refused)
  assert.throws(() => writeKeyHistory({ onCard: 21, offCard: 0 }), refused)
  assert.throws(() => writeKeyHistory({ onCard: 0, offCard: 1, url: 'x'.repeat(119) }), refused)
})

test('printed information', () => {
  const card = { name: 'work', affiliation: '', expiry: '2030JAN01', serial: '0011', issuer: 'Tessera' }
  const content = writePrintedInformation(card)
  assert.is(hex(content), hex(octets('0104776f726b 0200 0409323033304a414e3031 050430303131 060754657373657261 fe00')))
  assert.equal(readPrintedInformation(content), card)
  liberal(readPrintedInformation, content)
  const longer = { ...card, organization: 'A', organization2: 'Büro' }
  assert.equal(readPrintedInformation(writePrintedInformation(longer)), longer)
  assert.throws(() => writePrintedInformation({ ...card, name: 'x'.repeat(126) }), refused)
})

test('no biometrics', () => assert.is(hex(writeObject('7f61', tlv(0x02, octets('00')))), '7f6103020100'))

test.run()
