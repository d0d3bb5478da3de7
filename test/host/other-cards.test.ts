// Cards of other makers (test/support/plain-card): what is not understood of them is never "not there", one odd item is in
// no other's way, and what cannot be looked at is an error or is looked at otherwise.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex, utf8 } from '../../src/bytes.ts'
import { type Card, CardError } from '../../src/index.ts'
import { writeCertificate } from '../../src/piv/certificate.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { isUsable } from '../../src/piv/host/key-info.ts'
import { certificateTag } from '../../src/piv/objects.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { assertSigned, message, refused, wrong } from '../contract/clauses/clause.ts'
import { certificateOf } from '../contract/x509.ts'
import { octets } from '../support/octets.ts'
import { PlainCard, type PlainCardOptions } from '../support/plain-card/card.ts'
import { PROFILES, type Profile, type ProfileName } from '../support/plain-card/profiles.ts'

const PIN = '483920'
const ADMIN_KEY = Uint8Array.from({ length: 24 }, (_, index) => 0xa0 + index)
const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 })
const ed25519 = generateKeyPairSync('ed25519')
const p521 = generateKeyPairSync('ec', { namedCurve: 'secp521r1' })
const tagOf = (slot: string) => certificateTag(parseSlot(slot))
const contentFor = (key: KeyObject) => writeCertificate(certificateOf(key))
const names = Object.keys(PROFILES) as ProfileName[]

/** A card with a key and its certificate in some slots. */
function furnished(profile: ProfileName | Profile, options: PlainCardOptions = {}, slots = ['9a', '9c']): PlainCard {
  const card = new PlainCard(profile, options)
  for (const slot of slots) {
    card.keys.set(Number.parseInt(slot, 16), { privateKey: pair.privateKey, algorithm: 0x11 })
    card.objects.set(tagOf(slot), contentFor(pair.publicKey))
  }
  return card
}

const slotsOf = async (card: Card) => (await card.keys()).map(({ slot }) => slot)

for (const name of names) {
  test(`${name}: keys, certificates and objects are listed, and keys sign`, async () => {
    const card = cardOver(furnished(name))
    assert.equal(await slotsOf(card), ['9a', '9c'])
    for (const slot of ['9a', '9c']) {
      assertSigned(pair.publicKey, message, await card.sign(slot, message, { pin: PIN }))
      assertSigned(pair.publicKey, message, await card.sign(slot, message, { pin: () => PIN, format: 'raw' }), {
        format: 'raw',
      })
    }
    assert.is(await card.getCertificate('9d'), undefined)
    const objects = (await card.objects()).map((object) => object.name)
    assert.ok(objects.includes('certificate-9a') && !objects.includes('certificate-9d'), String(objects))
  })

  test(`${name}: a PIN that was verified serves, whatever SELECT does`, async () => {
    const card = cardOver(furnished(name))
    await card.verifyPin(PIN)
    assert.is((await card.pinStatus()).verified, true)
    for (let round = 0; round < 3; round += 1) {
      assertSigned(pair.publicKey, message, await card.sign('9a', message))
      await card.keys()
    }
    await wrong('ERR_PIN_WRONG', 4, () => card.verifyPin('000000'))
    await refused('ERR_PIN_REQUIRED', () => card.sign('9a', message))
  })

  test(`${name}: a key is made, certified, and its certificate put there and deleted`, async () => {
    const card = cardOver(new PlainCard(name))
    await card.authenticateAdmin(ADMIN_KEY)
    const made = await card.generateKey('9d', { algorithm: name === 'PivApplet' ? 'RSA-2048' : 'P-256' })
    const certificate = certificateOf(made)
    await card.putCertificate('9d', { certificate, chain: [certificateOf(pair.publicKey)] })
    assert.equal((await card.getCertificate('9d'))?.certificate, certificate)
    assertSigned(made, message, await card.sign('9d', message, { pin: PIN }))
    await card.deleteCertificate('9d')
    assert.is(await card.getCertificate('9d'), undefined)
  })
}

// --- A key is never overwritten unasked ---------------------------------------------------------------------------

/** What may be in a slot, and what is said of it. */
const IN_A_SLOT: Readonly<Record<string, readonly [put: (card: PlainCard) => void, said: RegExp | undefined]>> = {
  'a certificate of P-256': [(card) => card.objects.set(tagOf('9a'), contentFor(pair.publicKey)), undefined],
  'one of RSA-1024': [
    (card) => card.objects.set(tagOf('9a'), contentFor(rsa1024.publicKey)),
    /RSA-1024, which Tessera/,
  ],
  'one of Ed25519': [(card) => card.objects.set(tagOf('9a'), contentFor(ed25519.publicKey)), /Ed25519, which Tessera/],
  'one of P-521': [(card) => card.objects.set(tagOf('9a'), contentFor(p521.publicKey)), /P-521, which Tessera/],
  'one that is not understood': [(card) => card.objects.set(tagOf('9a'), octets('99 02 01 02')), /not understood/],
  'one that is cut off': [
    (card) => card.objects.set(tagOf('9a'), contentFor(pair.publicKey).slice(0, 99)),
    /not understood/,
  ],
  'no X.509': [(card) => card.objects.set(tagOf('9a'), octets('70 04 30 02 05 00')), /not understood/],
  'metadata as Nitrokey writes it': [(card) => tells(card, '010111 0202 0201 030101'), /does not tell its public key/],
  'metadata of Ed25519': [(card) => tells(card, `0101e0 0202 0201 0422 8620 ${'07'.repeat(32)}`), /Ed25519, which/],
  'metadata of RSA-4096': [(card) => tells(card, '010116 0202 0201 030101'), /RSA-4096, which Tessera/],
  'metadata of an algorithm of nobody': [(card) => tells(card, '010177'), /algorithm 77, which Tessera/],
  'metadata that is not understood': [(card) => tells(card, '04 05 06'), /which Tessera cannot use/],
  'metadata without an algorithm': [(card) => tells(card, '0202 0201 030101'), /which Tessera cannot use/],
}

function tells(card: PlainCard, digits: string): void {
  card.metadata = (reference) => (reference === 0x9a ? digits : undefined)
}

for (const [what, [put, said]] of Object.entries(IN_A_SLOT)) {
  test(`a new key would replace ${what}`, async () => {
    const plain = new PlainCard('SP 800-73-1')
    put(plain)
    const card = cardOver(plain)
    assert.is(await card.isOccupied('9a'), true)
    assert.is(await card.isOccupied('9d'), false)
    const [content, ...others] = await card.slotContents()
    assert.equal([content?.slot, others.length], ['9a', 0])
    if (said === undefined) return
    assert.not(content === undefined || isUsable(content))
    for (const use of [() => card.keyInfo('9a'), () => card.sign('9a', message, { pin: PIN })]) {
      const error = await use().then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      assert.ok(error instanceof CardError)
      assert.match(error.message, said)
      assert.not.match(error.message, /[Mm]ake (one|a key)/)
    }
  })
}

test('what a card does not say may be a key: it is asked for one, and a certificate that it withholds may be there', async () => {
  const plain = new PlainCard('OpenFIPS201')
  plain.keys.set(0x9a, { privateKey: pair.privateKey, algorithm: 0x11 })
  plain.keys.set(0x9c, { privateKey: pair.privateKey, algorithm: 0x11 })
  plain.keys.set(0x9e, { privateKey: rsa1024.privateKey, algorithm: 0x06 })
  const card = cardOver(plain)
  for (const [slot, occupied] of [
    ['9a', true],
    ['9c', true],
    ['9e', false],
    ['9d', false],
  ] as const) {
    // The card of tests does no RSA-1024: it answers 6A80, as for a slot without a key.
    assert.is(await card.isOccupied(slot), occupied, slot)
  }
  assert.equal(await card.keys(), [])
  assert.match((await refused('ERR_KEY_ABSENT', () => card.keyInfo('9a'))).message, /cannot tell of a key without one/)
  for (const sw of ['6982', '6f00', '6581', '0500009000']) {
    plain.instead = (apdu) => (apdu.includes('5fc10b') ? sw : undefined)
    assert.is(await card.isOccupied('9d'), true, sw)
  }
})

// --- One odd item is in no other's way ----------------------------------------------------------------------------

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

// --- Another card in the reader -----------------------------------------------------------------------------------

const verifies = (card: PlainCard) => card.sent.filter((apdu) => /^00200080.{2,}/.test(apdu) && apdu.length > 12).length

/** What a card has of which it is known; two cards of each kind that differ. */
const PAIRS: Readonly<Record<string, readonly [first: () => PlainCard, second: () => PlainCard]>> = {
  'by a GUID in an odd CHUID': [() => withChuid('fe00 3e00', '01'), () => withChuid('fe00 3e00', '02')],
  'by a GUID without an expiry': [() => withChuid('', '01'), () => withChuid('', '02')],
  'by the key of a slot, without a CHUID': [
    () => furnished('SP 800-73-1'),
    () => withKey(furnished('SP 800-73-1'), generateKeyPairSync('ec', { namedCurve: 'prime256v1' })),
  ],
  'by having no certificate any more': [() => furnished('SP 800-73-1'), () => furnished('SP 800-73-1', {}, [])],
  'by having a GUID now': [() => furnished('SP 800-73-1'), () => furnished('OpenFIPS201')],
  'by a GUID of noughts and a key': [
    () => furnished('OpenFIPS201', { guid: new Uint8Array(16) }),
    () => withKey(furnished('OpenFIPS201', { guid: new Uint8Array(16) }), p256()),
  ],
  'by a discovery object alone': [() => bare('4f00'), () => bare('4f01')],
  'by nothing: then it may be another': [() => bare(undefined), () => bare(undefined)],
}

function p256() {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
}

function withChuid(more: string, last: string): PlainCard {
  const plain = furnished('OpenFIPS201')
  plain.objects.set('5fc102', octets(`3410${'00'.repeat(15)}${last} ${more} 3e00 fe00`))
  return plain
}

function withKey(plain: PlainCard, { privateKey, publicKey }: typeof pair): PlainCard {
  for (const slot of ['9a', '9c']) {
    plain.keys.set(Number.parseInt(slot, 16), { privateKey, algorithm: 0x11 })
    plain.objects.set(tagOf(slot), contentFor(publicKey))
  }
  return plain
}

/** A card that shows nothing but, perhaps, a discovery object: its key is retired, and needs the PIN. */
function bare(discovery: string | undefined): PlainCard {
  const plain = furnished({ ...PROFILES['global PIN'], pinReference: 0x80, chuid: false, discovery: undefined }, {}, [
    '82',
  ])
  if (discovery !== undefined) plain.objects.set('7e', octets(`4f05a000000308 5f2f024000 50 02 ${discovery}`))
  return plain
}

/** A reader in which a card is exchanged for another one. */
function reader(first: PlainCard) {
  let inside = first
  let generation = 0
  return {
    get atr() {
      return inside.atr
    },
    reader: 'test',
    get generation() {
      return generation
    },
    transaction: <T>(work: Parameters<PlainCard['transaction']>[0]) => inside.transaction<T>(work as never),
    reset: async () => {
      generation += 1
      await inside.reset()
    },
    close: async () => {},
    async exchange(next: PlainCard) {
      generation += 1
      inside = next
      await next.reset()
    },
  }
}

for (const [how, [first, second]] of Object.entries(PAIRS)) {
  test(`another card in the reader is noticed ${how}: no PIN goes there`, async () => {
    const [one, other] = [first(), second()]
    const slot = one.keys.has(0x9a) ? '9a' : one.keys.has(0x9c) ? '9c' : '82'
    const place = reader(one)
    const card = cardOver(place as never)
    await card.sign(slot, message, { pin: PIN })
    await place.exchange(other)
    for (const use of [
      () => card.sign(slot, message, { pin: PIN }),
      () => card.verifyPin(PIN),
      () => card.sign(slot, message, { pin: () => PIN }),
      () => card.changePin({ pin: PIN, newPin: '71650842' }),
    ]) {
      await refused('ERR_CARD_REMOVED', use)
    }
    assert.is(verifies(other), 0)
  })
}

test('the same card is the same after it was taken out, and after a reset by this program whatever it shows', async () => {
  for (const one of [furnished('OpenFIPS201'), furnished('SP 800-73-1'), furnished('PivApplet')]) {
    const place = reader(one)
    const card = cardOver(place as never)
    await card.sign('9a', message, { pin: PIN })
    await place.exchange(one)
    await card.sign('9a', message, { pin: PIN })
  }
  const card = cardOver(reader(bare(undefined)) as never)
  await card.sign('82', message, { pin: PIN })
  await card.lock()
  await card.sign('82', message, { pin: PIN })
})

test('a card that is known by its key stays known when this program changes it', async () => {
  const one = furnished('SP 800-73-1')
  const place = reader(one)
  const card = cardOver(place as never)
  await card.authenticateAdmin(ADMIN_KEY)
  const made = await card.generateKey('9a')
  await card.putCertificate('9a', { certificate: certificateOf(made) })
  await card.deleteCertificate('9c')
  await place.exchange(one)
  assertSigned(made, message, await card.sign('9a', message, { pin: PIN }))
})

// --- PINs of other cards ------------------------------------------------------------------------------------------

test('PINs and PUKs are by the rules of the card: 4 to 8 octets of any kind', async () => {
  for (const pin of ['geheim!7', '1234', 'Grüße', 'a b c']) {
    const plain = furnished('OpenFIPS201', { pin, puk: 'puk123' })
    const card = cardOver(plain)
    assertSigned(pair.publicKey, message, await card.sign('9a', message, { pin }))
    await card.changePin({ pin, newPin: 'anders' })
    await card.changePuk({ puk: 'puk123', newPuk: 'PUK-2' })
    await card.unblockPin({ puk: 'PUK-2', newPin: utf8('wieder 1') })
    await card.verifyPin('wieder 1')
    for (const none of ['', 'abc', '123456789', utf8('12345'.padEnd(9)), octets('31323334ff')]) {
      const before = plain.sent.filter((apdu) => apdu.startsWith('0020')).length
      await refused('ERR_PIN_FORMAT', () => card.verifyPin(none))
      assert.is(plain.sent.filter((apdu) => apdu.startsWith('0020')).length, before, 'nothing is sent')
    }
  }
})

test('the Global PIN is asked for where the discovery object prefers it, or there is no other', async () => {
  for (const [discovery, reference] of [
    ['5f2f026820', 0x00],
    ['5f2f026020', 0x00],
    ['5f2f022000', 0x00],
    ['5f2f026010', 0x80],
    ['5f2f024000', 0x80],
    ['4f0ba0000003080000100001005f2f02680200', 0x80],
    ['5f2f8102682099 00', 0x00],
  ] as const) {
    const plain = furnished({
      ...PROFILES['global PIN'],
      pinReference: reference,
      discovery: `4f05a000000308 ${discovery}`,
    })
    const card = cardOver(plain)
    assertSigned(pair.publicKey, message, await card.sign('9c', message, { pin: PIN }))
    assert.is((await card.pinStatus()).triesLeft ?? 5, 5, discovery)
    await card.changePin({ pin: PIN, newPin: '71650842' })
    await card.verifyPin('71650842')
  }
})

test.run()
