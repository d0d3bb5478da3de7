// Cards of other makers: another card in the reader is noticed, whatever it shows.
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cardOver } from '../../src/piv/host/card.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { assertSigned, message, refused } from '../contract/clauses/clause.ts'
import { octets } from '../support/octets.ts'
import type { PlainCard } from '../support/plain-card/card.ts'
import { PROFILES } from '../support/plain-card/profiles.ts'
import { ADMIN_KEY, contentFor, furnished, PIN, type pair, tagOf } from './support/furnished.ts'

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

test.run()
