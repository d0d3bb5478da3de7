// takes: 15 s
// Cards in readers of a real pcscd with a real vpcd.
import { cpuUsage } from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, listReaders, openCard } from '../../src/index.ts'
import { type NativePcscConnection, native } from '../../src/native.ts'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { serveCard } from '../../src/serve/index.ts'
import type { LinkState } from '../../src/serve/vpcd/link.ts'
import type { Served } from '../../src/serve/vpcd/serve.ts'
import { memoryCard, PIN, plainCard, seen } from '../pcsc/cards.ts'
import { send } from '../support/channels.ts'
import { meanwhile } from '../support/meanwhile.ts'
import { octets } from '../support/octets.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { within } from '../support/temp.ts'
import { least, monotonic, timed } from '../support/times.ts'

let pcscd: Pcscd
const place = (slot: 0 | 1) => ({ vpcd: `127.0.0.1:${pcscd.ports[slot]}` })

test.before(async () => {
  pcscd = await startPcscd({ name: 'Tessera Test' })
})
test.after(() => pcscd?.stop())

async function serving(
  work: (served: Served) => Promise<void>,
  card = memoryCard().channel,
  slot: 0 | 1 = 0,
): Promise<void> {
  const served = await serveCard(card, place(slot))
  await seen(pcscd.readers[slot], true)
  await work(served).finally(() => served.close())
  await seen(pcscd.readers[slot], false)
}

async function opened(work: (card: Card) => Promise<void>, reader = pcscd.readers[0]): Promise<void> {
  const card = await openCard({ reader })
  try {
    await work(card)
  } finally {
    await card.close()
  }
}

/** What a program can do to a card that it leaves: SCARD_ of pcsc-lite. */
const DISPOSITIONS = { leave: 0, reset: 1, powerDown: 2 } as const

async function connected(slot: 0 | 1 = 0): Promise<NativePcscConnection> {
  const connection = new (native().PcscConnection)()
  await connection.connect(pcscd.readers[slot], 2, 3)
  return connection
}

/** A program that has verified the PIN. */
async function verifying(): Promise<NativePcscConnection> {
  const connection = await connected()
  const sent = Uint8Array.of(0x00, 0x20, 0x00, 0x80, 8, ...Buffer.from(PIN), 0xff, 0xff)
  assert.equal(await connection.transmit(sent), octets('9000'))
  return connection
}

const verified = (): Promise<boolean> =>
  openCard({ reader: pcscd.readers[0] }).then(async (card) => {
    const status = await card.pinStatus()
    await card.close()
    return status.verified
  })

test('fifty commands take far less than vpcd without our acknowledgements would', async () => {
  await serving(async () => {
    const channel = await ReaderChannel.open(pcscd.readers[0])
    const command = octets('00cb3fff055c035fc102')
    await send(channel, command)
    const fifty = async () => {
      for (let count = 0; count < 50; count += 1) await send(channel, command)
    }
    // 44 ms and more each, where the kernel delays its acknowledgements.
    const took = await least(50 * 20, () => timed(fifty))
    console.log(`50 commands: ${took.toFixed(1)} ms`)
    assert.ok(took < 50 * 20, `${took} ms`)
    await channel.close()
  }, plainCard())
})

for (const what of ['reset', 'powerDown'] as const) {
  test(`the PIN is not verified any more after ${what}, and is after nothing`, async () => {
    await serving(async () => {
      for (const [disposition, expected] of [
        [DISPOSITIONS.leave, true],
        [DISPOSITIONS[what], false],
      ] as const) {
        const connection = await verifying()
        await connection.disconnect(disposition)
        assert.is(await verified(), expected)
        await connection.close()
      }
    })
  })
}

test('nobody uses the card: pcscd powers it down after a while, and the PIN is not verified any more', async () => {
  const { channel } = memoryCard()
  await serving(async () => {
    const connection = await verifying()
    const { reset } = channel
    const off = new Promise<void>((resolve) => {
      channel.reset = () => reset.call(channel).then(resolve)
    })
    await connection.disconnect(DISPOSITIONS.leave)
    await connection.close()
    await within(off, 120_000, 'power-off')
    assert.is(await verified(), false)
  }, channel)
})

test('while nobody takes the card, it costs next to nothing', async () => {
  const served = await serveCard(plainCard(), { vpcd: '127.0.0.1:1' })
  await delay(500)
  const share = await least(5, async () => {
    const [before, began] = [cpuUsage(), monotonic()]
    await delay(2000)
    const { user, system } = cpuUsage(before)
    return (user + system) / 10 / (monotonic() - began)
  })
  console.log(`${share.toFixed(2)} % of a processor`)
  assert.ok(share < 5, `${share} %`)
  await served.close()
})

test('a second card for the same reader waits, says so, and is in it when the first is taken out', async () => {
  await serving(async (first) => {
    const told: string[] = []
    let busy = () => {}
    const said = new Promise<void>((resolve) => {
      busy = resolve
    })
    const second = await serveCard(plainCard(), {
      ...place(0),
      onState: (state, why) => {
        told.push(state)
        if (why?.message.includes('another card is in that reader')) busy()
      },
    })
    await within(said, 120_000, 'a word')
    assert.equal(told, ['waiting'])
    await opened((card) => card.verifyPin(PIN))
    await first.close()
    await within(second.ready, 120_000, 'the second card')
    await second.close()
  })
})

// In the second reader: vpcd of the first goes on.
meanwhile('a program sends a command of one octet, which hangs vpcd: the reader is back after a while', () =>
  serving(
    async () => {
      const connection = await connected(1)
      const answer = await within(connection.transmit(Uint8Array.of(0)), 120_000, 'the end of it')
      assert.is(answer.length, 0, 'vpcd has met the end of the connection')
      await connection.close()
      await seen(pcscd.readers[1], true)
      await opened((card) => card.verifyPin(PIN), pcscd.readers[1])
    },
    memoryCard().channel,
    1,
  ),
)

test('the readers have the name that they were given', async () => {
  assert.equal(
    (await listReaders()).map(({ name, card }) => [name, card]),
    [
      ['Tessera Test 00 00', false],
      ['Tessera Test 00 01', false],
    ],
  )
})

test('two cards in two readers', async () => {
  const cards = [await serveCard(memoryCard().channel, place(0)), await serveCard(memoryCard().channel, place(1))]
  for (const reader of pcscd.readers) await seen(reader, true)
  await opened((card) => card.verifyPin(PIN), pcscd.readers[0])
  await opened(async (card) => assert.is((await card.pinStatus()).verified, false), pcscd.readers[1])
  for (const card of cards) await card.close()
  for (const reader of pcscd.readers) await seen(reader, false)
})

test('pcscd is killed and started again, several times: the card is in the reader again, without its PIN', async () => {
  const states: LinkState[] = []
  const served = await serveCard(memoryCard().channel, { ...place(0), onState: (state) => states.push(state) })
  await served.ready
  for (let round = 0; round < 3; round += 1) {
    await seen(pcscd.readers[0], true)
    await opened((card) => card.verifyPin(PIN))
    await pcscd.kill()
    await pcscd.start()
    const began = performance.now()
    await seen(pcscd.readers[0], true)
    console.log(`in the reader ${(performance.now() - began).toFixed(0)} ms after pcscd was there`)
    assert.is(await verified(), false)
  }
  assert.equal(states, ['inserted', 'waiting', 'inserted', 'waiting', 'inserted', 'waiting', 'inserted'])
  await served.close()
})

test.run()
