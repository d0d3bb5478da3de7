// Attestation from the host's side, by cards that do not do it as ours does.
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat } from '../../src/bytes.ts'
import type { Card } from '../../src/index.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { between } from '../support/channels.ts'
import { octets } from '../support/octets.ts'
import { refused } from './clauses/clause.ts'
import { type Subject, startSubject } from './subjects.ts'

let subject: Subject
test.before(async () => {
  subject = await startSubject('reader')
})
test.after(() => subject.stop())

/** A card in a reader that answers ATTEST so. */
async function answering(answer: Uint8Array): Promise<Card> {
  const { channel } = await subject.fresh()
  return cardOver(between(channel, async (apdu, transmit) => (apdu[1] === 0xf9 ? answer : transmit(apdu))))
}

const made = certificateOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)

test('status words, one by one', async () => {
  for (const [sw, code] of [
    ['6D00', 'ERR_NOT_SUPPORTED'],
    ['6A88', 'ERR_KEY_ABSENT'],
    ['6A80', 'ERR_NOT_SUPPORTED'],
    ['6985', 'ERR_NOT_SUPPORTED'],
    ['6982', 'ERR_CARD_REFUSED'],
    ['6F00', 'ERR_CARD_REFUSED'],
  ] as const) {
    const card = await answering(octets(sw))
    await refused(code, () => card.attest('9a'))
  }
})

test('what is no certificate, or more than one, is refused', async () => {
  const good = await answering(concat(made, octets('9000')))
  assert.is(new X509Certificate(await good.attest('9a')).subject, 'CN=Tessera test')
  for (const wrong of [
    new Uint8Array(0),
    made.slice(0, -1),
    concat(made, octets('00')),
    concat(made, made),
    octets('3000'),
  ]) {
    const card = await answering(concat(wrong, octets('9000')))
    await refused('ERR_DATA', () => card.attest('9a'))
  }
})

test.run()
