// subjectAltName: what is written, what is read of other makers, and what takes the place of what in a renewal.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex, utf8 } from '../../src/bytes.ts'
import { UsageError } from '../../src/errors.ts'
import { DER, element, field, octetField } from '../../src/iso7816/der.ts'
import { TlvError } from '../../src/iso7816/tlv.ts'
import {
  mergeAlternativeNames,
  readAlternativeNames,
  readSecurityIdentifier,
  understoodNames,
  writeAlternativeNames,
  writeHostNames,
  writeSecurityIdentifier,
} from '../../src/x509/alternative-names.ts'
import { oid } from '../../src/x509/oid.ts'

const NAMES = { email: ['maria@example.com'], upn: ['maria@example.com'], principal: ['maria/admin@EXAMPLE.COM'] }
const NONE = { email: [], upn: [], principal: [], dns: [], uri: [] }
const SID = 'S-1-5-21-1004336348-1177238915-682003330-512'
const SID_ID = '1.3.6.1.4.1.311.25.2.1'
const written = (names = NAMES) => writeAlternativeNames(names) as Uint8Array
const names = (...each: readonly Uint8Array[]) => element(DER.sequence, ...each)
const otherName = (id: string, value: Uint8Array) => element(field(0), oid(id), value)
/** A name whose kind is known and whose text is none. */
const ODD = otherName('1.3.6.1.4.1.311.20.2.3', element(field(0), element(DER.integer, Uint8Array.of(1))))
const isUsage = (error: unknown) => error instanceof UsageError
const isMalformed = (error: unknown) => error instanceof TlvError

test('what is written is read again', () => {
  assert.equal(readAlternativeNames(written()), { ...NONE, ...NAMES })
  assert.is(writeAlternativeNames({}), undefined)
  const hosts = writeHostNames(['ca.example.com', Uint8Array.of(127, 0, 0, 1)])
  assert.equal(readAlternativeNames(hosts), { ...NONE, dns: ['ca.example.com'] })
})

test('what is no name is refused in words', () => {
  for (const wrong of [{ email: ['maria'] }, { upn: ['maria @x'] }, { principal: ['maria'] }]) {
    assert.throws(() => writeAlternativeNames(wrong), isUsage)
  }
  assert.throws(() => writeSecurityIdentifier('S-1'), isUsage)
})

test('one name that is not understood hides no other', () => {
  const uri = element(octetField(6), utf8('https://example.com'))
  assert.equal(understoodNames(names(ODD, uri)), { names: { ...NONE, uri: ['https://example.com'] }, not: 1 })
  assert.throws(() => readAlternativeNames(names(ODD)), isMalformed)
  const empty = otherName('1.2.3.4', new Uint8Array(0))
  assert.is(understoodNames(names(empty, uri)).not, 1)
})

test('the [0] around the value of an otherName may be missing', () => {
  const bare = otherName('1.3.6.1.4.1.311.20.2.3', element(DER.utf8, utf8('maria@example.com')))
  assert.equal(readAlternativeNames(names(bare)).upn, ['maria@example.com'])
})

test('names that are given take the place of those of their kinds; all others stay octet by octet', () => {
  const old = names(ODD, element(octetField(1), utf8('old@example.com')), element(octetField(2), utf8('host')))
  const merged = mergeAlternativeNames(old, { email: ['new@example.com'] })
  assert.ok(hex(merged).includes(hex(ODD)))
  const { names: found, not } = understoodNames(merged)
  assert.equal([found.email, found.dns, not], [['new@example.com'], ['host'], 1])
  assert.throws(() => mergeAlternativeNames(Uint8Array.of(0x30, 0x05), { email: ['new@example.com'] }), isUsage)
})

test("Microsoft's security identifier", () => {
  assert.is(readSecurityIdentifier(writeSecurityIdentifier(SID)), SID)
  const asText = names(otherName(SID_ID, element(field(0), element(DER.utf8, utf8(SID)))))
  assert.is(readSecurityIdentifier(asText), SID)
  assert.is(readSecurityIdentifier(names(element(octetField(1), utf8('a@b')))), undefined)
  const none = names(otherName(SID_ID, element(field(0), element(DER.integer, Uint8Array.of(1)))))
  assert.throws(() => readSecurityIdentifier(none), isMalformed)
})

test.run()
