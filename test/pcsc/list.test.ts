// takes: 8 s
// Cards in readers side by side with those of the TPM: each asked in passing, none disturbed, none waited for in vain.
import { generateKeyPairSync } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { readerOfCard } from '../../src/cards/reader-probe.ts'
import type { CardChannel } from '../../src/channel.ts'
import { type CardSummary, createCard, listCards, listReaderCards, openCard } from '../../src/index.ts'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { writeCertificate } from '../../src/piv/certificate.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { certificateTag } from '../../src/piv/objects.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { serveCard } from '../../src/serve/serve-card.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { certificate as certificateBy } from '../enroll/support/openssl.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { gate, tempDir, within } from '../support/temp.ts'
import { least, monotonic } from '../support/times.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { ADMIN_KEY, memoryCard, PIN, plainCard, seen } from './cards.ts'

let pcscd: Pcscd
const LONG = process.env.TESSERA_TEST_LONG === '1'

test.before(async () => {
  pcscd = await startPcscd()
})
test.after(() => pcscd?.stop())

/** Runs `work` with cards in the readers, from the first one on: put in at once, and taken out at once. */
async function inReaders(cards: readonly CardChannel[], work: (...inserted: Inserted[]) => Promise<void>) {
  const inserted = await Promise.all(cards.map((card, index) => insertCard(pcscd.ports[index] ?? 0, card)))
  const noticed = (there: boolean) => Promise.all(inserted.map((_, index) => seen(pcscd.readers[index] ?? '', there)))
  await noticed(true)
  await work(...inserted).finally(async () => {
    for (const one of inserted) one.intercept = undefined
    await Promise.all(inserted.map((one) => one.pull()))
    await noticed(false)
  })
}

/** A card in memory with three keys and certificates. */
async function furnished(): Promise<ReturnType<typeof memoryCard>> {
  const made = memoryCard()
  const own = cardOver(made.channel)
  await own.authenticateAdmin(ADMIN_KEY)
  for (const slot of ['9a', '9c', '83']) {
    const publicKey = await own.generateKey(slot)
    await own.putCertificate(slot, { certificate: certificateOf(publicKey, `Holder of ${slot}`, 500) })
  }
  return made
}

const states = (cards: readonly CardSummary[]) => cards.map(({ kind, name, state }) => [kind, name, state])
const tag = (slot: string) => certificateTag(parseSlot(slot))

test('what a card in a reader says of itself, and nothing of it is spent or reset', async () => {
  const { card, channel } = await furnished()
  card.objects.set(tag('9c'), Uint8Array.of(0x70, 0x02, 0x30, 0x00, 0x71, 0x01, 0x00, 0xfe, 0x00))
  card.objects.set(tag('9e'), Uint8Array.of(1, 2, 3))
  card.objects.set(tag('82'), new Uint8Array(300))
  await inReaders([channel], async (inserted) => {
    const other = await openCard({ reader: '' })
    await other.verifyPin(PIN)
    const before = { resets: inserted.resets, commands: inserted.commands.length }
    const [listed, ...others] = await listReaderCards()
    assert.ok(others.length === 0 && listed !== undefined && 'pin' in listed)
    const { name, state, cardId, pin, keys, certificates } = listed
    assert.equal([name, state, pin.verified], [`reader:${pcscd.readers[0]}`, 'ready', true])
    assert.is(cardId, Buffer.from(card.cardId).toString('hex'))
    assert.equal(
      keys.map(({ slot, algorithm }) => [slot, algorithm]),
      // Metadata tell of the key whose certificate is damaged.
      ['9a', '9c', '83'].map((slot) => [slot, 'P-256']),
    )
    assert.equal(
      certificates.map((one) => [one.slot, 'error' in one ? one.error.code : `${one.subject}, ${one.notAfter}`]),
      [
        ['9a', 'Holder of 9a, 2049-12-31T23:59:59.000Z'],
        ['9c', 'ERR_DATA'],
        ['9e', 'ERR_DATA'],
        ['82', 'ERR_DATA'],
        ['83', 'Holder of 83, 2049-12-31T23:59:59.000Z'],
      ],
    )
    const sent = inserted.commands.slice(before.commands)
    // PIV was selected: it is not again, since there are cards that forget the PIN at that.
    assert.equal([...new Set(sent.map((apdu) => hex(apdu.subarray(1, 2))))].sort(), [
      '20',
      'c0',
      'cb',
      'f7',
      'f8',
      'fd',
    ])
    assert.ok(sent.every((apdu) => apdu[1] !== 0x20 || apdu.length === 4))
    assert.ok(sent.length < 80, `${sent.length} commands`)
    assert.is(inserted.resets, before.resets)
    assert.is((await other.pinStatus()).verified, true)
    await other.close()
    const [locked] = await listReaderCards()
    assert.equal(locked !== undefined && 'pin' in locked && [locked.pin.verified, locked.pin.triesLeft], [false, 5])
  })
})

test('a card of the TPM that is shown in a reader: both rows, and the reader says whose it shows', async () => {
  const home = tempDir('home')
  const made = await createCard({ name: 'work', home, tcti: 'embedded:', pin: PIN })
  await made.close()
  const { channel } = memoryCard()
  await inReaders([channel], async () => {
    const served = await serveCard('work', { home, vpcd: `127.0.0.1:${pcscd.ports[1]}` })
    await served.ready
    await seen(pcscd.readers[1], true)
    const cards = await listCards({ home })
    const names = pcscd.readers.map((reader) => `reader:${reader}`)
    assert.equal(states(cards), [
      ['tpm', 'work', 'ready'],
      ['reader', names[0], 'ready'],
      ['reader', names[1], 'ready'],
    ])
    assert.equal(
      cards.map((card) => 'tpmCard' in card && card.tpmCard),
      [false, false, 'work'],
    )
    assert.equal(states(await listCards({ home, filesOnly: true })), [['tpm', 'work', 'not-asked']])
    await served.close()
    await seen(pcscd.readers[1], false)
  })
})

test('a PIN that is blocked; a card that is no PIV card, and one that knows no more than yes', async () => {
  const { card, channel } = memoryCard()
  card.pin.left = 0
  await inReaders([channel, plainCard(() => [0x6a, 0x82])], async () => {
    const [blocked, other] = await listReaderCards()
    assert.equal([blocked?.state, blocked && 'pin' in blocked && blocked.pin.blocked], ['pin-blocked', true])
    assert.equal([other?.state, other && 'error' in other && other.error.code], ['no-piv', 'ERR_CARD_NOT_FOUND'])
  })
  await inReaders([plainCard(), plainCard(() => [0x6d, 0x00])], async () => {
    const [yes, never] = await listReaderCards()
    assert.ok(yes !== undefined && 'pin' in yes)
    assert.equal([yes.cardId, yes.keys, yes.certificates.filter((one) => !('error' in one))], [undefined, [], []])
    assert.is(never?.state, 'no-piv')
  })
})

test('a certificate of a kind of key that no card has is listed, and its key is not', async () => {
  const { card, channel } = memoryCard()
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' })
  card.objects.set(tag('9a'), writeCertificate(certificateOf(publicKey, 'Somebody')))
  // One that names nobody in its subject is whole.
  card.objects.set(tag('9e'), writeCertificate(certificateBy('nobody', { subject: '/' })))
  await inReaders([channel], async () => {
    const [listed] = await listReaderCards()
    assert.ok(listed !== undefined && 'pin' in listed)
    assert.equal(
      listed.certificates.map((one) => [one.slot, 'subject' in one && one.subject]),
      [
        ['9a', 'Somebody'],
        ['9e', ''],
      ],
    )
    assert.equal(listed.keys, [])
  })
})

test('a card that another program keeps, and one that never answers: each costs its wait, at once', async () => {
  const [first, second] = [memoryCard(), memoryCard()]
  await inReaders([first.channel, second.channel], async (_, hanging) => {
    const [stuck, held] = [gate(), gate()]
    const holder = await ReaderChannel.open(pcscd.readers[0])
    const holding = holder.transaction(() => held.promise)
    assert.ok(hanging)
    hanging.intercept = async () => {
      await stuck.promise
      return undefined
    }
    let cards: Awaited<ReturnType<typeof listReaderCards>> = []
    const took = await least(1100, async () => {
      const started = monotonic()
      cards = await listReaderCards({ waitMs: 600 })
      return monotonic() - started
    })
    hanging.intercept = undefined
    held.open()
    stuck.open()
    await holding
    assert.equal(
      cards.map((card) => [card.state, 'error' in card && card.error.code]),
      [
        ['busy', 'ERR_READER_BUSY'],
        ['busy', 'ERR_READER_BUSY'],
      ],
    )
    assert.ok(took > 550 && took < 1100, `${took} ms`)
    const again = await listReaderCards({ waitMs: 60_000 })
    assert.equal(
      again.map(({ state }) => state),
      ['ready', 'ready'],
    )
    await holder.close()
  })
})

test('whose reader shows a card is not waited for long either', async () => {
  const [first, second] = [memoryCard(), memoryCard()]
  await inReaders([first.channel, second.channel], async (hanging, asked) => {
    const stuck = gate()
    assert.ok(hanging && asked)
    assert.is(await readerOfCard(second.card.cardId), pcscd.readers[1])
    // Where PIV is selected it is not again: there are cards that forget the PIN at that.
    assert.not.ok(asked.commands.some((apdu) => apdu[1] === 0xa4))
    hanging.intercept = async () => {
      await stuck.promise
      return undefined
    }
    // The silent card may be the one that is meant: nobody is led to the other one.
    const found = await within(readerOfCard(second.card.cardId), 120_000, 'the reader').finally(() => stuck.open())
    assert.is(found, undefined)
    process.kill(pcscd.pid, 'SIGSTOP')
    const frozen = within(readerOfCard(second.card.cardId), 120_000, 'no reader')
    assert.is(await frozen.finally(() => process.kill(pcscd.pid, 'SIGCONT')), undefined)
  })
})

if (LONG) {
  test('a card that takes its time for each of many answers is left in the end', async () => {
    await inReaders([memoryCard().channel], async (inserted) => {
      assert.ok(inserted)
      inserted.intercept = async () => {
        await delay(600)
        return undefined
      }
      const started = performance.now()
      const [listed] = await listReaderCards()
      assert.is(listed?.state, 'busy')
      assert.ok(performance.now() - started < 60_000)
    })
  })
}

test('a pcscd that stands still, and none: the cards of the TPM are listed', async () => {
  const home = tempDir('home')
  await (await createCard({ name: 'work', home, tcti: 'embedded:', pin: PIN })).close()
  process.kill(pcscd.pid, 'SIGSTOP')
  const started = monotonic()
  const frozen = await listCards({ home, waitMs: 400 }).finally(() => process.kill(pcscd.pid, 'SIGCONT'))
  assert.ok(monotonic() - started < 60_000)
  process.kill(pcscd.pid, 'SIGSTOP')
  const opening = openCard({ reader: '', waitMs: 400 }).then(
    () => 'opened',
    (error: { readonly code?: string }) => error.code,
  )
  const opened = await within(opening, 120_000, 'openCard').finally(() => process.kill(pcscd.pid, 'SIGCONT'))
  assert.is(opened, 'ERR_PCSC_UNAVAILABLE')
  await pcscd.stop()
  for (const cards of [frozen, await listCards({ home })]) assert.equal(states(cards), [['tpm', 'work', 'ready']])
  await pcscd.start()
})

test.run()
