// The service as programs see it that speak pcsc-lite's protocol octet by octet, in the versions 4:3 to 4:6.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NEUTRAL_ATR } from '../../src/piv/atr.ts'
import { plainCard } from '../pcsc/cards.ts'
import { filled, octets } from '../support/octets.ts'
import { onBench, READER, watchedCard } from './support/bench.ts'
import { RawClient, TABLE } from './support/client.ts'

const OK = 0
const RV = {
  cancelled: 0x8010_0002,
  invalidHandle: 0x8010_0003,
  noMemory: 0x8010_0006,
  smallBuffer: 0x8010_0008,
  unknownReader: 0x8010_0009,
  sharing: 0x8010_000b,
  noCard: 0x8010_000c,
  protocol: 0x8010_000f,
  invalidValue: 0x8010_0011,
  notTransacted: 0x8010_0016,
  stopped: 0x8010_001e,
  unsupported: 0x8010_001f,
  reset: 0x8010_0068,
  removed: 0x8010_0069,
}
const SELECT = octets('00a4040005a00000030800')

/** The message of version 4:3 has a body; from 4:4 on the answer is the table. */
async function wait(program: RawClient, minor: number): Promise<void> {
  program.tell('waitForChange', {}, undefined, minor > 3)
  if (minor > 3) await program.heard(TABLE)
}

test('versions 4:3 to 4:6 are spoken; others are told what is', () =>
  onBench(plainCard(), async ({ path }) => {
    const client = await RawClient.open(path)
    for (const [major, minor, answer] of [
      [4, 2, [4, 6, RV.stopped]],
      [4, 7, [4, 6, RV.stopped]],
      [5, 4, [4, 6, RV.stopped]],
      [4, 3, [4, 3, OK]],
      [4, 4, [4, 4, OK]],
      [4, 5, [4, 5, OK]],
      [4, 6, [4, 6, OK]],
    ] as const) {
      const said = await client.ask('version', { major, minor })
      assert.equal([said.major, said.minor, said.rv], answer, `${major}:${minor}`)
    }
    await client.close()
  }))

test('a context is wanted, its own, and released', () =>
  onBench(plainCard(), async ({ path, program }) => {
    const without = await RawClient.open(path)
    assert.is((await without.connect(READER)).rv, RV.invalidHandle)
    assert.is(await without.rv('releaseContext', { context: 1 }), RV.invalidHandle)
    await without.close()
    const one = await program()
    assert.is((await one.connect(READER, { context: one.context ^ 1 })).rv, RV.invalidValue)
    assert.is(await one.rv('releaseContext', { context: one.context ^ 1 }), RV.invalidValue)
    assert.is((await one.connect(READER)).rv, OK)
    assert.is(await one.rv('releaseContext', { context: one.context }), OK)
    assert.is((await one.connect(READER)).rv, RV.invalidHandle)
  }))

test('the table of readers: 16 rows up to 4:5, and as many as were asked for from 4:6 on', async () => {
  const cards = Array.from({ length: 20 }, (_, index) => ({ reader: `Tessera ${index} 00 00`, channel: plainCard() }))
  await onBench(cards, async ({ program }) => {
    const old = await program(5)
    old.tell('readerStates')
    const table = await old.heard(TABLE)
    assert.is(table.toString('latin1', 15 * 184, 15 * 184 + 16), 'Tessera 15 00 00')
    assert.equal(Uint8Array.from(table.subarray(140, 140 + NEUTRAL_ATR.length)), NEUTRAL_ATR)
    old.tell('readerEvents')
    assert.is((await old.heard(8)).readUInt32LE(0), 20)
    const last = await program(6)
    last.tell('tableSize')
    assert.is((await last.heard(4)).readUInt32LE(0), 20)
    last.tell('table')
    assert.is((await last.heard(20 * 184)).toString('latin1', 19 * 184, 19 * 184 + 16), 'Tessera 19 00 00')
    assert.is((await last.connect('Tessera 19 00 00')).rv, OK)
  })
  await onBench(
    plainCard(),
    async ({ program }) => {
      const other = await program()
      other.tell('readerStates')
      await other.heard(3 * TABLE)
      assert.is(await other.rv('cancel', { context: 1 }), RV.invalidHandle)
    },
    { rows: 48 },
  )
})

test('connecting: the reader, the mode and the protocol are checked', () =>
  onBench(plainCard(), async ({ program }) => {
    const one = await program()
    assert.is((await one.connect('Tessera')).rv, RV.unknownReader)
    assert.is((await one.connect(READER, { shareMode: 4 })).rv, RV.invalidValue)
    assert.is((await one.connect(READER, { protocols: 0 })).rv, RV.protocol)
    assert.is((await one.connect(READER, { protocols: 1 })).rv, RV.protocol)
    const { card, protocol, rv } = await one.connect(READER)
    assert.equal([protocol, rv], [2, OK])
    assert.equal(await one.transmit(card, SELECT), octets('9000'))
    assert.is(await one.transmit(card, SELECT, { protocol: 1 }), RV.protocol)
    assert.equal(await one.transmit(card, SELECT, { protocol: 0x1000 }), octets('9000'))
    assert.is(await one.transmit(card, SELECT, { room: 1 }), RV.smallBuffer)
    assert.is(await one.rv('disconnect', { card, disposition: 4 }), RV.invalidValue)
    assert.is(await one.rv('disconnect', { card, disposition: 0 }), OK)
  }))

test('extended APDUs both ways', () => {
  const long = Uint8Array.from([...filled(65_533), 0x90, 0x00])
  const { channel, seen } = watchedCard(() => long)
  return onBench(channel, async ({ program }) => {
    const one = await program()
    const { card } = await one.connect(READER)
    const command = Uint8Array.from([0x00, 0xcb, 0x3f, 0xff, 0x00, 0xff, 0xff, ...filled(65_535), 0, 0])
    assert.equal(await one.transmit(card, command), long)
    assert.is(seen[0], Buffer.from(command).toString('hex'))
  })
})

test('exclusive: nobody else, until it is shared or left', () =>
  onBench(plainCard(), async ({ program }) => {
    const [one, two] = [await program(), await program()]
    const { card } = await one.connect(READER, { shareMode: 1 })
    assert.is((await two.connect(READER)).rv, RV.sharing)
    assert.is((await two.connect(READER, { shareMode: 3 })).rv, RV.sharing)
    assert.is(await one.rv('beginTransaction', { card }), OK)
    assert.is(await one.rv('endTransaction', { card }), OK)
    assert.is(await one.rv('endTransaction', { card }), RV.notTransacted)
    assert.is(await one.rv('reconnect', { card, shareMode: 2, protocols: 3 }), OK)
    const other = await two.connect(READER)
    assert.is(other.rv, OK)
    assert.is(await one.rv('reconnect', { card, shareMode: 1, protocols: 3 }), RV.sharing)
    assert.is((await one.connect(READER, { shareMode: 1 })).rv, RV.sharing)
    await two.rv('disconnect', { card: other.card })
    assert.is(await one.rv('reconnect', { card, shareMode: 1, protocols: 3 }), OK)
    const watching = await program()
    await wait(watching, 4)
    await one.close()
    await watching.signal()
    assert.is((await two.connect(READER)).rv, OK)
  }))

test('a transaction: others wait in the order of asking, and use meanwhile is refused', () =>
  onBench(plainCard(), async ({ program, settled }) => {
    const programs = [await program(), await program(), await program()] as const
    const [one, two, three] = programs
    const cards: number[] = []
    for (const each of programs) cards.push((await each.connect(READER)).card)
    const [first = 0, second = 0, third = 0] = cards
    assert.is(await one.rv('endTransaction', { card: first }), RV.notTransacted)
    assert.is(await one.rv('beginTransaction', { card: first }), OK)
    assert.is(await one.rv('beginTransaction', { card: first }), OK)
    for (const [name, fields] of [
      ['status', {}],
      ['control', { code: 0x4200_0d48 }],
      ['getAttribute', { id: 0x0009_0303, length: 264 }],
      ['endTransaction', {}],
      ['reconnect', { shareMode: 2, protocols: 3 }],
    ] as const) {
      assert.is(await two.rv(name, { card: second, ...fields }), RV.sharing, name)
    }
    assert.is(await two.transmit(second, SELECT), RV.sharing)
    two.tell('beginTransaction', { card: second })
    await settled(two)
    assert.is(await one.rv('endTransaction', { card: first }), OK)
    three.tell('beginTransaction', { card: third })
    await settled(three)
    assert.ok(two.isQuiet && three.isQuiet)
    assert.is(await one.rv('endTransaction', { card: first }), OK)
    assert.is((await two.answer('beginTransaction')).rv, OK)
    assert.is(await two.rv('status', { card: second }), OK)
    assert.ok(three.isQuiet)
    assert.is(await two.rv('endTransaction', { card: second }), OK)
    assert.is((await three.answer('beginTransaction')).rv, OK)
  }))

test('who connects, or leaves with a reset, waits for the end of a transaction', () =>
  onBench(watchedCard().channel, async ({ program, settled }) => {
    const [one, two, three] = [await program(), await program(), await program()]
    const first = (await one.connect(READER)).card
    const second = (await two.connect(READER)).card
    await one.rv('beginTransaction', { card: first })
    two.tell('disconnect', { card: second, disposition: 1 })
    const name = Uint8Array.from(Buffer.from(READER))
    three.tell('connect', { context: three.context, reader: name, shareMode: 2, protocols: 3 })
    await settled(two, three)
    assert.ok(two.isQuiet && three.isQuiet)
    await one.rv('endTransaction', { card: first })
    assert.is((await two.answer('disconnect')).rv, OK)
    assert.is((await three.answer('connect')).rv, OK)
  }))

test('a reset is seen by the others, until they connect again', () => {
  const { channel, seen } = watchedCard()
  return onBench(channel, async ({ program }) => {
    const [one, two] = [await program(), await program()]
    const first = (await one.connect(READER)).card
    const second = (await two.connect(READER)).card
    assert.equal(await two.transmit(second, SELECT), octets('9000'))
    for (const disposition of [1, 2]) {
      const again = { card: first, shareMode: 2, protocols: 3, disposition }
      assert.equal(await one.rv('reconnect', again), OK)
      assert.equal(await one.transmit(first, SELECT), octets('9000'))
      assert.is(await two.rv('status', { card: second }), RV.reset)
      assert.is(await two.transmit(second, SELECT), RV.reset)
      assert.is(await two.rv('beginTransaction', { card: second }), RV.reset)
      assert.is(await two.rv('reconnect', { card: second, shareMode: 2, protocols: 3 }), OK)
      assert.equal(await two.transmit(second, SELECT), octets('9000'))
    }
    // As with pcscd, it is news to the program that has asked for it too.
    await one.rv('beginTransaction', { card: first })
    assert.is(await one.rv('endTransaction', { card: first, disposition: 1 }), OK)
    assert.is(await one.rv('status', { card: first }), RV.reset)
    assert.is(await two.rv('status', { card: second }), RV.reset)
    await two.rv('disconnect', { card: second, disposition: 2 })
    assert.equal(
      seen.filter((what) => what === 'reset'),
      ['reset', 'reset', 'reset', 'reset'],
    )
  })
})

test('the card forgets what was verified when the last program has left for a while', () => {
  const { channel, seen, until } = watchedCard()
  return onBench(
    channel,
    async ({ program }) => {
      const [one, two] = [await program(), await program()]
      const { card } = await one.connect(READER)
      const other = await two.connect(READER)
      await one.transmit(card, SELECT)
      await one.rv('disconnect', { card })
      await two.transmit(other.card, SELECT)
      assert.equal(seen.length, 2)
      await two.close()
      await until(3)
      assert.is(seen[2], 'reset')
    },
    { grace: 1 },
  )
})

for (const minor of [3, 4, 5]) {
  test(`4:${minor}: a change is told to a program that waits for one`, () =>
    onBench(plainCard(), async ({ program }) => {
      const [waiting, other] = [await program(minor), await program()]
      await wait(waiting, minor)
      const { card } = await other.connect(READER)
      assert.is(await waiting.signal(), OK)
      // It was told once, and that was the answer to what it asks now.
      waiting.tell('stopWaiting', {}, undefined, minor > 3)
      await other.rv('disconnect', { card })
      assert.is(await waiting.rv('cancel', { context: 1 }), RV.invalidHandle)
      // Nothing happens: it is told that it waits no longer.
      await wait(waiting, minor)
      waiting.tell('stopWaiting', {}, undefined, minor > 3)
      assert.is(await waiting.signal(), OK)
    }))
}

test('4:6: what changes before a program has read the table is told after it', () =>
  onBench(plainCard(), async ({ service, program }) => {
    const waiting = await program(6)
    const ask = async () => {
      waiting.tell('waitForChange', {}, undefined, true)
      waiting.tell('tableSize')
      assert.is((await waiting.heard(4)).readUInt32LE(0), 16)
    }
    await ask()
    service.takeOut(READER)
    waiting.tell('table')
    assert.is((await waiting.heard(TABLE)).readUInt32LE(132), 2)
    assert.is(await waiting.signal(), OK)
    await ask()
    waiting.tell('table')
    await waiting.heard(TABLE)
    service.putIn(READER, plainCard())
    assert.is(await waiting.signal(), OK)
    await ask()
    waiting.tell('stopWaiting', {}, undefined, true)
    assert.is(await waiting.signal(), OK)
  }))

test('SCardCancel ends the waiting of another connection', () =>
  onBench(plainCard(), async ({ path, program }) => {
    const waiting = await program()
    waiting.tell('waitForChange', {}, undefined, true)
    await waiting.heard(TABLE)
    // libpcsclite sends it on a connection of its own, where no version was said.
    const canceller = await RawClient.open(path)
    assert.is(await canceller.rv('cancel', { context: waiting.context }), OK)
    assert.is(await waiting.signal(), RV.cancelled)
    assert.is(await canceller.rv('cancel', { context: waiting.context }), OK)
    assert.ok(waiting.isQuiet)
    await canceller.close()
  }))

test('the card is taken out: programs that use it and programs that wait are told', () =>
  onBench(plainCard(), async ({ service, program, settled }) => {
    const [one, two] = [await program(), await program()]
    const first = (await one.connect(READER)).card
    const second = (await two.connect(READER)).card
    await one.rv('beginTransaction', { card: first })
    two.tell('beginTransaction', { card: second })
    await settled(two)
    service.takeOut(READER)
    assert.is((await two.answer('beginTransaction')).rv, RV.removed)
    assert.is(await one.transmit(first, SELECT), RV.removed)
    assert.is(await one.rv('reconnect', { card: first, shareMode: 2, protocols: 3 }), RV.noCard)
    assert.is((await two.connect(READER)).rv, RV.noCard)
    const direct = await two.connect(READER, { shareMode: 3, protocols: 0 })
    assert.is(direct.rv, OK)
    assert.is(await two.transmit(direct.card, SELECT, { protocol: 4 }), RV.noCard)
    service.putIn(READER, plainCard())
    assert.is(await one.transmit(first, SELECT), RV.removed)
    assert.is(await one.rv('reconnect', { card: first, shareMode: 2, protocols: 3 }), OK)
    assert.equal(await one.transmit(first, SELECT), octets('9000'))
  }))

test('attributes and controls', () =>
  onBench(plainCard(), async ({ program }) => {
    const one = await program()
    const { card } = await one.connect(READER)
    const attribute = async (id: number, length = 264) => {
      one.tell('getAttribute', { card, id, length })
      const answer = await one.heard(280)
      return { rv: answer.readUInt32LE(276), value: answer.subarray(8, 8 + answer.readUInt32LE(272)) }
    }
    assert.equal(Uint8Array.from((await attribute(0x0009_0303)).value), NEUTRAL_ATR)
    assert.is((await attribute(0x7fff_0003)).value.toString(), `${READER}\0`)
    assert.is((await attribute(0x0001_0100)).value.toString(), 'Tessera\0')
    assert.is((await attribute(0x0009_0303, 4)).rv, RV.smallBuffer)
    assert.is((await attribute(0x0001_0103)).rv, RV.unsupported)
    assert.is(await one.rv('setAttribute', { card, id: 0x0001_0100, length: 4 }), RV.unsupported)
    const features = await one.ask('control', { card, code: 0x4200_0d48, room: 264 })
    assert.equal([features.rv, features.returned], [OK, 0])
    assert.is(await one.rv('control', { card, code: 0x4200_0001, room: 264 }), RV.unsupported)
  }))

test('a program has 200 connections, and no more', () =>
  onBench(plainCard(), async ({ program }) => {
    const one = await program()
    for (let count = 0; count < 200; count += 1) assert.is((await one.connect(READER)).rv, OK)
    assert.is((await one.connect(READER)).rv, RV.noMemory)
  }))

test.run()
