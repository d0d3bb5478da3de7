// Cards of other makers (test/support/plain-card): keys, certificates and objects of every kind are listed, and keys sign.
// What is not understood of a slot is never "not there".
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError } from '../../src/index.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { isUsable } from '../../src/piv/host/key-info.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { assertSigned, message, refused, wrong } from '../contract/clauses/clause.ts'
import { octets } from '../support/octets.ts'
import { PlainCard } from '../support/plain-card/card.ts'
import {
  ADMIN_KEY,
  contentFor,
  ed25519,
  furnished,
  names,
  PIN,
  p521,
  pair,
  rsa512,
  rsa1024,
  slotsOf,
  tagOf,
} from './support/furnished.ts'

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

/** What may be in a slot, and what is said of it. */
const IN_A_SLOT: Readonly<Record<string, readonly [put: (card: PlainCard) => void, said: RegExp | undefined]>> = {
  'a certificate of P-256': [(card) => card.objects.set(tagOf('9a'), contentFor(pair.publicKey)), undefined],
  'one of RSA-1024': [(card) => card.objects.set(tagOf('9a'), contentFor(rsa1024.publicKey)), undefined],
  'one of RSA-512': [(card) => card.objects.set(tagOf('9a'), contentFor(rsa512.publicKey)), /RSA-512, which Tessera/],
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
  'metadata of RSA-4096': [
    (card) => tells(card, '010116 0202 0201 030101'),
    /RSA-4096, and the card does not tell its public key/,
  ],
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
  plain.keys.set(0x9e, { privateKey: ed25519.privateKey, algorithm: 0xe0 })
  const card = cardOver(plain)
  for (const [slot, occupied] of [
    ['9a', true],
    ['9c', true],
    ['9e', false],
    ['9d', false],
  ] as const) {
    // The card of tests does no Ed25519: it answers 6A80, as for a slot without a key.
    assert.is(await card.isOccupied(slot), occupied, slot)
  }
  assert.equal(await card.keys(), [])
  assert.match((await refused('ERR_KEY_ABSENT', () => card.keyInfo('9a'))).message, /cannot tell of a key without one/)
  for (const sw of ['6982', '6f00', '6581', '0500009000']) {
    plain.instead = (apdu) => (apdu.includes('5fc10b') ? sw : undefined)
    assert.is(await card.isOccupied('9d'), true, sw)
  }
})

test.run()
