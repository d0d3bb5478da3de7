// takes: 5 s
// `Card` over a reader: the same calls as over a card in this process, and what befalls a card that others reach too.
import { createPublicKey, verify } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, CardError, type ErrorCode, listReaderCards, openCard } from '../../src/index.ts'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { within } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { ADMIN_KEY, memoryCard, PIN, seen } from './cards.ts'
import { Tray } from './tray.ts'

let pcscd: Pcscd
/** In the first reader, with another card for each test. */
let tray: Tray
let inserted: Inserted
const message = Buffer.from('a message')

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof CardError) return error.code as ErrorCode
      throw error
    },
  )
}

async function put(): Promise<void> {
  inserted = await insertCard(pcscd.ports[0], tray)
  await seen(pcscd.readers[0], true)
  await tray.exchange(memoryCard().channel)
}

/** Another card, in place of the last one, which lies there unless it was pulled. */
async function fresh(): Promise<void> {
  inserted.intercept = undefined
  if (!inserted.pulled) return tray.exchange(memoryCard().channel)
  await seen(pcscd.readers[0], false)
  await put()
}

async function opened(work: (card: Card) => Promise<void>): Promise<void> {
  const card = await openCard({ reader: pcscd.readers[0] })
  try {
    await work(card)
  } finally {
    await card.close()
  }
}

/** A key in a slot, with its certificate's stand-in remembered by the card object. */
async function withKey(card: Card, slot: string): Promise<void> {
  await card.authenticateAdmin(ADMIN_KEY)
  await card.generateKey(slot)
}

test.before(async () => {
  pcscd = await startPcscd()
  tray = new Tray(pcscd.readers[0])
  await put()
})
test.after(async () => {
  await inserted.pull()
  await pcscd.stop()
})
test.before.each(fresh)

test('verify, generate, sign, status: as in this process', async () => {
  await opened(async (card) => {
    assert.is(card.name, `reader:${pcscd.readers[0]}`)
    await card.authenticateAdmin(ADMIN_KEY)
    const publicKey = await card.generateKey('9a')
    assert.is(await codeOf(card.sign('9a', message)), 'ERR_PIN_REQUIRED')
    assert.is(await codeOf(card.verifyPin('000000')), 'ERR_PIN_WRONG')
    assert.is((await card.pinStatus()).triesLeft, 4)
    await card.verifyPin(PIN)
    const before = inserted.commands.length
    const signature = await card.sign('9a', message)
    assert.is(inserted.commands.length - before, 1, 'a known key is used with one command')
    assert.ok(verify('sha256', message, createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })), signature))
  })
})

test('a card that a PIN was sent to is reset when it is closed', async () => {
  await opened(async (card) => {
    await card.verifyPin(PIN)
  })
  await opened(async (card) => assert.is((await card.pinStatus()).verified, false))
})

test('a card that the admin key was proved to is reset when it is closed', async () => {
  await opened((card) => withKey(card, '9a'))
  await opened(async (card) => assert.is(await codeOf(card.generateKey('9a')), 'ERR_ADMIN_REQUIRED'))
})

test('another program resets the card: the PIN is lost, the card is found again', async () => {
  await opened(async (card) => {
    await withKey(card, '9a')
    await card.verifyPin(PIN)
    const other = await ReaderChannel.open(pcscd.readers[0])
    await other.reset()
    await other.close()
    assert.is((await card.pinStatus()).verified, false)
    assert.is(await codeOf(card.sign('9a', message)), 'ERR_PIN_REQUIRED')
    await card.verifyPin(PIN)
    await card.sign('9a', message)
  })
})

test('another program selects something else: PIV is selected again, a PIN goes to no other application', async () => {
  await opened(async (card) => {
    await withKey(card, '9a')
    let elsewhere = true
    inserted.intercept = (apdu) => {
      if (apdu[1] === 0xa4) elsewhere = false
      assert.not(elsewhere && apdu[1] === 0x20)
      return elsewhere ? Uint8Array.of(0x6d, 0x00) : undefined
    }
    await card.verifyPin(PIN)
    elsewhere = true
    await card.sign('9a', message)
    assert.is(elsewhere, false)
  })
})

test('taken out in the middle of a command, and put in again', async () => {
  await opened(async (card) => {
    await withKey(card, '9a')
    await card.verifyPin(PIN)
    inserted.intercept = (apdu) => (apdu[1] === 0x87 ? 'pull' : undefined)
    assert.is(await codeOf(card.sign('9a', message)), 'ERR_CARD_REMOVED')
    await seen(pcscd.readers[0], false)
    assert.is(await codeOf(card.pinStatus()), 'ERR_CARD_REMOVED')
    await put()
    // The same reader, another card.
    assert.is(await codeOf(card.pinStatus()), 'ERR_CARD_REMOVED')
  })
})

test('a PIN command whose answer is lost is not sent again', async () => {
  await opened(async (card) => {
    await card.pinStatus()
    inserted.intercept = (apdu) => (apdu[1] === 0x20 && apdu.length > 5 ? 'pull' : undefined)
    const before = inserted.commands.length
    assert.is(await codeOf(card.verifyPin(PIN)), 'ERR_CARD_REMOVED')
    const sent = inserted.commands.slice(before)
    assert.is(sent.filter((apdu) => apdu[1] === 0x20 && apdu.length > 5).length, 1)
  })
})

test('pcscd stopped and started again: the card is found again, without its PIN', async () => {
  await opened(async (card) => {
    await card.verifyPin(PIN)
    await pcscd.kill()
    assert.is(await codeOf(card.pinStatus()), 'ERR_PCSC_UNAVAILABLE')
    await pcscd.start()
    await seen(pcscd.readers[0], true)
    assert.is((await card.pinStatus()).verified, false)
    await card.verifyPin(PIN)
  })
})

test('two programs: one waits for the other, and a transaction is never broken into', async () => {
  const [one, two] = [await ReaderChannel.open(pcscd.readers[0]), await ReaderChannel.open(pcscd.readers[0])]
  const mark = (who: number, step: number) => Uint8Array.of(0x00, 0xf0, who, step)
  const run = async (channel: ReaderChannel, who: number) => {
    for (let round = 0; round < 5; round += 1) {
      await channel.transaction(async (transmit) => {
        for (let step = 0; step < 3; step += 1) await transmit(mark(who, step))
      })
    }
  }
  await Promise.all([run(one, 1), run(two, 2)])
  const order = inserted.commands.filter((apdu) => apdu[1] === 0xf0)
  assert.is(order.length, 30)
  for (let at = 0; at < 30; at += 3) {
    assert.equal(
      order.slice(at, at + 3).map((apdu) => [apdu[2], apdu[3]]),
      [0, 1, 2].map((step) => [order[at]?.[2], step]),
    )
  }
  await one.close()
  await two.close()
})

test('another program keeps the card: a bounded wait, then it is said who may have it, and the lock is not lost later', async () => {
  const holder = await ReaderChannel.open(pcscd.readers[0])
  const waiting = await ReaderChannel.open(pcscd.readers[0], { waitMs: 300 })
  await holder.transaction(async () => {
    const started = performance.now()
    assert.is(await codeOf(waiting.transaction(async () => undefined)), 'ERR_READER_BUSY')
    assert.ok(performance.now() - started < 9000, 'not the ten seconds of others')
  })
  await waiting.transaction(async () => undefined)
  await holder.transaction(async () => undefined)
  await within(Promise.all([holder.close(), waiting.close()]), 120_000, 'close')
})

test('another program resets the card and keeps it: the wait is bounded as well', async () => {
  const holder = await ReaderChannel.open(pcscd.readers[0])
  const waiting = await ReaderChannel.open(pcscd.readers[0], { waitMs: 300 })
  await holder.transaction(async () => {
    await holder.reset()
    const started = performance.now()
    const told = await within(codeOf(waiting.transaction(async () => undefined)), 120_000, 'the transaction')
    assert.is(told, 'ERR_READER_BUSY')
    assert.ok(performance.now() - started < 9000, 'not the ten seconds of others')
  })
  await waiting.transaction(async () => undefined)
  await within(Promise.all([holder.close(), waiting.close()]), 120_000, 'close')
})

test('cards in readers are listed, with what they say of themselves', async () => {
  const [listed, ...others] = await listReaderCards()
  assert.is(others.length, 0)
  assert.ok(listed !== undefined && 'pin' in listed)
  assert.equal([listed.name, listed.pin.triesLeft, listed.keys], [`reader:${pcscd.readers[0]}`, 5, []])
})

test('no such reader, no card in it', async () => {
  assert.is(await codeOf(openCard({ reader: 'Nobody' })), 'ERR_READER_NOT_FOUND')
  assert.is(await codeOf(openCard({ reader: pcscd.readers[1] })), 'ERR_CARD_REMOVED')
})

test.run()
