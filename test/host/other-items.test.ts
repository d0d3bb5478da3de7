// Cards of other makers: one odd item is in no other's way.
import { deflateSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { writeCertificate } from '../../src/piv/certificate.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { assertSigned, message } from '../contract/clauses/clause.ts'
import { octets } from '../support/octets.ts'
import { ADMIN_KEY, furnished, PIN, p521, pair, slotsOf, tagOf } from './support/furnished.ts'

const der = certificateOf(pair.publicKey)
const good = writeCertificate(der)
const zlib = deflateSync(der)

/** Containers of other makers, read as OpenSC and ykman read them. */
const CONTAINERS: Readonly<Record<string, Uint8Array>> = {
  'without 71 and FE': good.slice(0, -5),
  'without FE': good.slice(0, -2),
  'with noughts after it': concat(good, new Uint8Array(15)),
  'with an unknown tag': concat(good.slice(0, -2), octets('99 02 01 02 fe 00')),
  'with another CertInfo': concat(good.slice(0, -3), octets('04 fe 00')),
  "Net iD's": writeNetId(),
  "zlib's": concat(octets('70 82'), two(zlib.length), zlib, octets('71 01 01 fe 00')),
  'with 70 twice': concat(good.slice(0, -5), octets('70 02 30 00'), octets('71 01 00 fe 00')),
}

function writeNetId(): Uint8Array {
  const inside = concat(octets('01 00'), Uint8Array.of(der.length & 0xff, der.length >> 8), zlib)
  return concat(octets('70 82'), two(inside.length), inside, octets('71 01 01 fe 00'))
}

function two(number: number): Uint8Array {
  return Uint8Array.of(number >> 8, number & 0xff)
}

for (const [what, content] of Object.entries(CONTAINERS)) {
  test(`a certificate ${what} is read, and its key signs`, async () => {
    const plain = furnished('OpenFIPS201')
    plain.objects.set(tagOf('9a'), content)
    const card = cardOver(plain)
    assert.equal(hex((await card.getCertificate('9a'))?.certificate ?? octets('')), hex(der))
    assertSigned(pair.publicKey, message, await card.sign('9a', message, { pin: PIN }))
  })
}

test('an empty container is no certificate', async () => {
  const plain = furnished('global PIN')
  plain.objects.set(tagOf('9d'), octets('70 00 71 01 00 fe 00'))
  const card = cardOver(plain)
  assert.is(await card.getCertificate('9d'), undefined)
  assert.equal(await slotsOf(card), ['9a', '9c'])
  assert.is(await card.isOccupied('9d'), false)
})

/** What a card may answer for one object; the others are good. */
const ODD_ANSWERS = [
  '6a80',
  '6a88',
  '6a86',
  '6985',
  '6d00',
  '6982',
  '6981',
  '6f00',
  '6581',
  '9000',
  '53009000',
  '05009000',
]

for (const sw of ODD_ANSWERS) {
  test(`${sw} for one object ends no listing and blocks no other slot`, async () => {
    for (const odd of ['5fc10b', '5fc10c', '5fc102', '5fc103', '5fc101', '5c017e', '5fc107', '5fc121']) {
      const plain = furnished('OpenFIPS201')
      plain.instead = (apdu) => (apdu.startsWith('00cb') && apdu.includes(odd) ? sw : undefined)
      const card = cardOver(plain)
      assert.equal(await slotsOf(card), ['9a', '9c'], odd)
      const tags = (await card.objects()).map(({ tag }) => tag)
      assert.ok(tags.includes('5fc105') && tags.includes('5fc10a'), odd)
      assertSigned(pair.publicKey, message, await card.sign('9a', message, { pin: PIN }))
      assert.is(await card.attestationIssuer(), undefined)
    }
  })
}

test('an object that fails is in the listing, with why', async () => {
  const plain = furnished('OpenFIPS201')
  plain.objects.set('5fc106', octets('ba 00'))
  plain.instead = (apdu) => (apdu.includes('5fc106') ? '6f00' : undefined)
  const [found] = (await cardOver(plain).objects()).filter(({ tag }) => tag === '5fc106')
  assert.is(found?.error?.code, 'ERR_CARD_REFUSED')
})

test('the private objects of this project may be refused in any way', async () => {
  for (const sw of ['6a81', '6a82', '6a80', '6a86', '6a88', '6982', '6985', '6d00', '6f00', '6a84', '6700']) {
    const plain = furnished('OpenFIPS201')
    // GET DATA and PUT DATA of those tags: the same digits may be in a witness or a certificate.
    plain.instead = (apdu) => (/^[01]0[cd]b3fff.{2,6}5c035ff[def]/.test(apdu) ? sw : undefined)
    const card = cardOver(plain)
    await card.authenticateAdmin(ADMIN_KEY)
    await card.putCertificate('9d', { certificate: der, chain: [certificateOf(p521.publicKey)] })
    assert.equal(await card.getCertificate('9d'), { certificate: der }, sw)
    await card.deleteCertificate('9d')
  }
})

test.run()
