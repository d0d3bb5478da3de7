// takes: 8 s
// PIN always over a reader: VERIFY and the use are one transaction, and no program's VERIFY serves another's use.
import { generateKeyPairSync, type KeyObject, publicEncrypt, verify } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex, utf8 } from '../../src/bytes.ts'
import { type Card, openCard, PinError } from '../../src/index.ts'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { refused, wrong } from '../contract/clauses/clause.ts'
import { type Subject, startSubject } from '../contract/subjects.ts'
import { octets } from '../support/octets.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { ADMIN_KEY, PIN, seen } from './cards.ts'

const message = utf8('a message')
const DIGEST = new Uint8Array(32).fill(0x5a)
const VERIFY = concat(octets('00 20 00 80 08'), utf8(PIN), octets('ff ff'))
const use = (slot: string) => concat(octets(`00 87 11 ${slot} 26 7c 24 82 00 81 20`), DIGEST, octets('00'))

let pcscd: Pcscd
let inserted: Inserted
let card: Card
let other: ReaderChannel
let key: KeyObject
const tests: (readonly [name: string, work: () => Promise<void>])[] = []
const planned = (name: string, work: () => Promise<void>) => tests.push([name, work])

test.before(async () => {
  pcscd = await startPcscd()
})
test.after(() => pcscd?.stop())

/** A card with keys of P-256: 9a once, 9c always, 9e never; opened anew for each test, also by another program. */
async function opened(): Promise<void> {
  card = await openCard({ reader: pcscd.readers[0] })
  await card.authenticateAdmin(ADMIN_KEY)
  key = await card.generateKey('9c')
  for (const slot of ['9a', '9e']) await card.generateKey(slot)
  other = await ReaderChannel.open(pcscd.readers[0])
}

async function closed(): Promise<void> {
  inserted.intercept = undefined
  await card.close()
  await other.close()
}

/** The other program sends this in a transaction of its own; the status word. */
const send = (...apdus: readonly Uint8Array[]): Promise<string> =>
  other.transaction(async (transmit) => {
    let sw = ''
    for (const apdu of apdus) sw = hex((await transmit(Uint8Array.from(apdu))).slice(-2))
    return sw
  })

/** The instructions that reach the card during `work`. */
async function instructions(work: () => Promise<unknown>): Promise<string[]> {
  const before = inserted.commands.length
  await work()
  return inserted.commands.slice(before).map((apdu) => hex(apdu.slice(1, 2)))
}

/** Before the first PIN of a connection: whether PIV is selected, and which card this is, by its key in 9e. */
const BEFORE = ['cb', 'f7', 'f7', '87']

planned('VERIFY and the use: one right after the other, and nothing after them', async () => {
  let signature = new Uint8Array(0)
  const sent = await instructions(async () => {
    signature = Uint8Array.from(await card.sign('9c', message, { pin: PIN }))
  })
  assert.equal(sent, [...BEFORE, '20', '87'])
  assert.ok(verify('sha256', message, key, signature))
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  assert.is((await card.deriveSecret('9c', publicKey, { pin: PIN })).length, 32)
})

planned('also a use that takes several commands, and one of a key that has to be looked at first', async () => {
  const rsa = await card.generateKey('9d', { algorithm: 'RSA-2048', pinPolicy: 'always' })
  const text = publicEncrypt({ key: rsa, oaepHash: 'sha256' }, message)
  const sent = await instructions(async () => assert.equal(await card.decrypt('9d', text, { pin: PIN }), message))
  const at = sent.indexOf('20')
  assert.match(sent.slice(at).join(' '), /^20( 87)+( c0)*$/)
  assert.is(await send(use('9c')), '6982')
})

planned('a wrong PIN sends no use, and neither does data that does not fit', async () => {
  const sent = await instructions(() => wrong('ERR_PIN_WRONG', 4, () => card.sign('9c', message, { pin: '000000' })))
  assert.equal(sent, [...BEFORE, '20'])
  const none = await instructions(() =>
    refused('ERR_DATA', () => card.signDigest('9c', octets('00'.repeat(33)), { pin: PIN })),
  )
  assert.equal(none, ['cb'])
  await refused('ERR_PIN_LAST_TRY', () => card.sign('9c', message, { pin: PIN, minTriesLeft: 5 }))
})

planned('without its PIN the use is refused here, and it is said how to do it', async () => {
  await card.verifyPin(PIN)
  const sent = await instructions(async () => {
    const error = await refused('ERR_PIN_REQUIRED', () => card.sign('9c', message))
    assert.ok(error instanceof PinError && error.message.includes('with { pin }'))
  })
  assert.not(sent.includes('87'))
})

planned("our VERIFY never serves another program's use", async () => {
  await card.verifyPin(PIN)
  assert.is(await send(use('9c')), '6982')
  await card.changePin({ pin: PIN, newPin: '71650842' })
  assert.is(await send(use('9c')), '6982')
  await card.changePin({ pin: '71650842', newPin: PIN })
  await card.sign('9c', message, { pin: PIN })
  assert.is(await send(use('9c')), '6982')
  // A use that the card refuses after VERIFY: the next command is not another one's either.
  inserted.intercept = (apdu) => (apdu[1] === 0x87 ? octets('6a 80') : undefined)
  await refused('ERR_DATA', () => card.sign('9c', message, { pin: PIN }))
  inserted.intercept = undefined
  assert.is(await send(use('9c')), '6982')
})

planned("another program's VERIFY never serves our use", async () => {
  assert.is(await send(VERIFY), '9000')
  await refused('ERR_PIN_REQUIRED', () => card.sign('9c', message))
  assert.is(await send(VERIFY, use('9c')), '9000')
  await card.putCertificate('9c', { certificate: certificateOf(key) })
  const later = await openCard({ reader: pcscd.readers[0] })
  try {
    await later.pinStatus()
    assert.is(await send(VERIFY), '9000')
    const sent = await instructions(() => refused('ERR_PIN_REQUIRED', () => later.sign('9c', message)))
    assert.is(sent[0], 'cb')
  } finally {
    await later.close()
  }
})

planned('a key known to want the PIN once or never is used with one command', async () => {
  await card.verifyPin(PIN)
  for (const slot of ['9a', '9e', '9a']) {
    assert.equal(await instructions(() => card.sign(slot, message)), ['87'])
  }
})

planned(
  'VERIFY is not sent again: not for a card that is taken out, nor for another application that answers',
  async () => {
    let elsewhere = false
    inserted.intercept = (apdu) => {
      if (apdu[1] === 0xa4) elsewhere = false
      return elsewhere ? octets('6d 00') : undefined
    }
    elsewhere = true
    const sent = await instructions(() => card.sign('9c', message, { pin: PIN }))
    assert.equal(sent.slice(-2), ['20', '87'])
    assert.is(sent.filter((ins) => ins === '20').length, 1)
    assert.ok(sent.indexOf('a4') < sent.indexOf('20'), 'PIV is selected before the PIN is sent')
    inserted.intercept = (apdu) => (apdu[1] === 0x20 ? 'pull' : undefined)
    const lost = await instructions(() => refused('ERR_CARD_REMOVED', () => card.sign('9c', message, { pin: PIN })))
    assert.equal(lost.slice(-1), ['20'])
    assert.is(lost.filter((ins) => ins === '20').length, 1)
  },
)

for (const name of ['memory', 'embedded'] as const) {
  let subject: Subject
  test(`${name}: it is in the reader`, async () => {
    subject = await startSubject(name)
    inserted = await insertCard(pcscd.ports[0], (await subject.fresh()).channel)
    await seen(pcscd.readers[0], true)
  })
  for (const [what, work] of tests) {
    test(`${name}: ${what}`, async () => {
      await opened()
      await work().finally(closed)
    })
  }
  test(`${name}: it is taken out`, async () => {
    await inserted.pull()
    await seen(pcscd.readers[0], false)
    await subject.stop()
  })
}

test.run()
