// Cards of other makers: their PINs.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { assertSigned, message, refused } from '../contract/clauses/clause.ts'
import { octets } from '../support/octets.ts'
import { PROFILES } from '../support/plain-card/profiles.ts'
import { furnished, PIN, pair } from './support/furnished.ts'

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
