// time limit: 900 s
// takes: 12 s
// Damaged answers of a card in a reader: every call of `Card` ends, with a typed error or with something well formed.
import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex, utf8 } from '../../src/bytes.ts'
import { CardError } from '../../src/index.ts'
import { TlvError, tlv } from '../../src/iso7816/tlv.ts'
import { NON_FEDERAL, writeChuid, writeDiscovery, writeKeyHistory } from '../../src/piv/contents.ts'
import { readMetadata, writeMetadata } from '../../src/piv/yubico.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { CALLS } from '../host/calls.ts'
import { ADMIN_KEY, PIN, type Shown, shownCard } from '../host/shown.ts'
import { filled, octets } from '../support/octets.ts'
import { Random } from '../support/random.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'

const OK = octets('9000')
/** Answers that mean something to some question, status word included. */
const seeds = [
  ...['9000', '6d00', '6a88', '63c3', '6100', '6110', '6c05', '0504039000'].map(octets),
  concat(tlv(0x7c, tlv(0x82, filled(72))), OK),
  concat(tlv(0x7c, tlv(0x80, filled(16))), OK),
  concat(tlv(0x7f49, tlv(0x86, concat(octets('04'), filled(64)))), OK),
  concat(tlv(0x53, writeChuid({ fascN: NON_FEDERAL, guid: filled(16), expiry: '20300101' })), OK),
  concat(tlv(0x7e, writeDiscovery()), OK),
  concat(tlv(0x53, writeKeyHistory({ onCard: 3, offCard: 0 })), OK),
  octets('01 01 ff 05 01 01 06 02 05 05 90 00'),
  octets('01 01 0a 02 02 00 01 05 01 00 90 00'),
]
/** Those that take long, or after which the card is another one for the cases to come. */
const OTHERS = /RSA|^change|^unblock|^deleteKey|^moveKey/
const calls = Object.entries(CALLS).filter(([name]) => !OTHERS.test(name))

/** A card with keys, certificates and metadata, whose true answers are seeds as well. */
async function furnished(): Promise<{ readonly shown: Shown; readonly answers: readonly Uint8Array[] }> {
  const shown = shownCard()
  await shown.card.authenticateAdmin(ADMIN_KEY)
  for (const slot of ['9a', '9c', '82']) {
    await shown.card.putCertificate(slot, { certificate: certificateOf(await shown.card.generateKey(slot)) })
  }
  const asked = ['00f7009a00', '00f7008000', '00f7009b00', '00cb3fff055c035fc10500', `0020008008${hex(utf8(PIN))}ffff`]
  return { shown, answers: await Promise.all(asked.map((apdu) => shown.answer(apdu))) }
}

test('answers of a card in a reader', async () => {
  const { shown, answers } = await furnished()
  const target = async (input: Uint8Array): Promise<void> => {
    // By the input alone: the same case does the same.
    const random = new Random(createHash('sha256').update(input).digest().readUInt32LE())
    const [name, call] = random.pick(calls)
    let at = random.below(6)
    // One answer, or all from there on.
    const once = random.below(2) === 0
    shown.instead = () => {
      at -= 1
      return at === -1 || (at < 0 && !once) ? hex(input) : undefined
    }
    const card = shown.other()
    try {
      await call(card)
    } catch (error) {
      if (!(error instanceof CardError)) throw new Error(name, { cause: error })
      throw error
    }
  }
  const count = await fuzz('host', [...seeds, ...answers], FUZZ_SECONDS, target, { refusals: [CardError] })
  assert.ok(count > 500)
})

test('metadata: something is understood of it or nothing, and what is can be written', async () => {
  const { answers } = await furnished()
  const target = (input: Uint8Array) => {
    const understood = { algorithm: Uint8Array.of(0xff), ...readMetadata(input) }
    assert.equal(readMetadata(writeMetadata(understood)), understood)
  }
  const plain = answers.slice(0, 3).map((answer) => answer.slice(0, -2))
  assert.ok((await fuzz('metadata', plain, FUZZ_SECONDS / 10, target, { refusals: [TlvError] })) > 1000)
})

test.run()
