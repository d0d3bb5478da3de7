import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encode } from '../../src/doors/pcsc/messages.ts'
import { PcscService } from '../../src/doors/pcsc/service.ts'
import { CardError } from '../../src/errors.ts'
import { memoryCard, PIN, plainCard } from '../pcsc/cards.ts'
import { octets } from '../support/octets.ts'
import { Random } from '../support/random.ts'
import { gate, tempDir } from '../support/temp.ts'
import { onBench, READER, watchedCard } from './support/bench.ts'

import { RawClient, TABLE } from './support/client.ts'
import { strangerHears } from './support/stranger.ts'

const SELECT = octets('00a4040005a00000030800')
const VERIFY = Uint8Array.of(0x00, 0x20, 0x00, 0x80, 8, ...Buffer.from(PIN), 0xff, 0xff)
const STATUS = octets('00200080')
const RESET = 0x8010_0068

test('the socket and its folder are for their user alone', () =>
  onBench(plainCard(), async ({ path }) => {
    assert.is(statSync(path).mode & 0o777, 0o600)
    assert.is(statSync(dirname(path)).mode & 0o777, 0o700)
  }))

test('a folder that others can enter is refused, and so is a path that is too long or in use', async () => {
  const open = join(tempDir('open'), 'door')
  mkdirSync(open)
  chmodSync(open, 0o711)
  const refusal = async (path: string): Promise<CardError> => {
    try {
      await PcscService.open(path, [{ reader: READER, channel: plainCard() }])
    } catch (error) {
      return error as CardError
    }
    throw new Error(`${path} was not refused`)
  }
  assert.match((await refusal(join(open, 'pcsc'))).message, `chmod 700 '${open}'`)
  const quoted = join(open, "it's")
  mkdirSync(quoted)
  chmodSync(quoted, 0o711)
  assert.match((await refusal(join(quoted, 'pcsc'))).message, `chmod 700 '${open}/it'\\''s'`)
  assert.is((await refusal(join(tempDir('long'), 'x'.repeat(120)))).code, 'ERR_USAGE')
  await onBench(plainCard(), async ({ path, program }) => {
    assert.is((await refusal(path)).code, 'ERR_CARD_BUSY')
    assert.is((await (await program()).connect(READER)).rv, 0)
  })
  const wrong = [{ reader: '', channel: plainCard() }]
  const named = await PcscService.open(join(tempDir('name'), 'pcsc'), wrong).catch((error: CardError) => error)
  assert.is(named instanceof CardError && named.code, 'ERR_USAGE')
})

test('what a killed process has left behind is in nobody’s way', async () => {
  const path = join(tempDir('stale'), 'pcsc')
  writeFileSync(path, '')
  const service = await PcscService.open(path, [{ reader: READER, channel: plainCard() }])
  await (await RawClient.ready(path)).close()
  await service.close()
  assert.not.ok(existsSync(path))
})

test('a program of another user is sent away before it is read', async () => {
  if (process.getuid?.() !== 0) {
    console.log('# skipped: another user: only root can be somebody else')
    return
  }
  const refused = gate<Error>()
  await onBench(
    plainCard(),
    async ({ path, program }) => {
      assert.is(await strangerHears(path, encode('version', { major: 4, minor: 4 })), 'closed')
      assert.match((await refused.promise).message, /user 65534/)
      assert.is((await (await program()).connect(READER)).rv, 0)
    },
    { onRefused: (error) => refused.open(error) },
  )
})

test('10,000 hostile streams: each ends its own connection at most', () => {
  const { card, channel } = memoryCard()
  const before = JSON.stringify(card.pin)
  const random = new Random(20_261_201)
  const good = [
    encode('version', { major: 4, minor: 4 }),
    encode('establishContext'),
    encode('connect', { context: 1, reader: Uint8Array.from(Buffer.from(READER)), shareMode: 1, protocols: 3 }),
    encode('transmit', { card: 1, protocol: 2, sent: VERIFY.length, room: 258 }, VERIFY),
    encode('getAttribute', { card: 1, id: 0x0009_0303, length: 264 }),
    encode('cancel', { context: 1 }),
    encode('waitForChange', {}, undefined, true),
    encode('stopWaiting', {}, undefined, true),
    encode('table'),
  ]
  const hostile = () => {
    const stream = Buffer.concat([random.pick(good), random.pick(good)])
    for (let times = random.between(1, 4); times > 0; times -= 1)
      stream[random.below(stream.length)] = random.below(256)
    return random.below(8) === 0
      ? random.octets(random.between(1, 64))
      : stream.subarray(0, random.between(1, stream.length))
  }
  return onBench(channel, async ({ path, program, settled, troubles }) => {
    const one = await program()
    const connected = await one.connect(READER)
    for (let round = 0; round < 100; round += 1) {
      const crowd = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(path)))
      for (const each of crowd) each.write(hostile())
      await Promise.all(crowd.map((each) => each.written))
      await Promise.all(crowd.map((each) => each.close()))
      // Until they are accepted and read, they stand in the queue of the socket, which has an end.
      await settled()
    }
    assert.equal(await one.transmit(connected.card, STATUS), octets('63c5'))
    assert.is(JSON.stringify(card.pin), before)
    assert.equal(troubles, [])
  })
})

test('a connection of another program cannot be used', () =>
  onBench(plainCard(), async ({ program }) => {
    const [one, two] = [await program(), await program()]
    const { card } = await one.connect(READER)
    two.tell('transmit', { card, protocol: 2, sent: SELECT.length, room: 258 }, SELECT)
    await two.ended()
    assert.equal(await one.transmit(card, SELECT), octets('9000'))
  }))

test('a program that stops in the middle of a message is let go', () =>
  onBench(
    plainCard(),
    async ({ path, program }) => {
      const one = await program()
      const { card } = await one.connect(READER)
      const slow = await RawClient.open(path)
      slow.write(encode('version').subarray(0, 5))
      await slow.ended()
      const half = await program()
      half.write(encode('transmit', { sent: 300 }, new Uint8Array(300)).subarray(0, 200))
      await half.ended()
      assert.equal(await one.transmit(card, SELECT), octets('9000'))
    },
    { patience: 20 },
  ))

test('a program that reads no answers is let go', () =>
  onBench(
    watchedCard(() => new Uint8Array(65_000)).channel,
    async ({ program }) => {
      const [deaf, one] = [await program(), await program()]
      const { card } = await deaf.connect(READER)
      deaf.socket.pause()
      const ended = once(deaf.socket, 'close')
      const ask = encode('transmit', { card, protocol: 2, sent: SELECT.length, room: 65_548 }, SELECT)
      for (let count = 0; count < 100; count += 1) deaf.write(ask)
      const other = await one.connect(READER)
      assert.is(((await one.transmit(other.card, SELECT)) as Uint8Array).length, 65_000)
      const watching = await program()
      watching.tell('waitForChange', {}, undefined, true)
      await watching.heard(TABLE)
      await watching.signal()
      deaf.socket.resume()
      await ended
    },
    { patience: 50 },
  ))

test('a program that ends its half is gone', () =>
  onBench(watchedCard().channel, async ({ program }) => {
    const [half, one] = [await program(), await program()]
    const { card } = await half.connect(READER)
    await half.rv('beginTransaction', { card })
    const other = one.connect(READER)
    half.socket.end()
    assert.is((await other).rv, 0)
    await half.ended()
  }))

test('a program dies with the transaction: the card is reset, and the next one has it', () => {
  const { channel } = memoryCard()
  return onBench(channel, async ({ program, settled }) => {
    const [dying, next, last] = [await program(), await program(), await program()]
    const cards: number[] = []
    for (const each of [dying, next, last]) cards.push((await each.connect(READER)).card)
    const [first = 0, second = 0, third = 0] = cards
    await dying.rv('beginTransaction', { card: first })
    await dying.transmit(first, SELECT)
    assert.equal(await dying.transmit(first, VERIFY), octets('9000'))
    next.tell('beginTransaction', { card: second })
    await settled(next)
    last.tell('disconnect', { card: third, disposition: 1 })
    await settled(last)
    await dying.close()
    assert.is((await next.answer('beginTransaction')).rv, RESET)
    assert.is((await last.answer('disconnect')).rv, 0)
    await next.rv('reconnect', { card: second, shareMode: 2, protocols: 3 })
    await next.rv('beginTransaction', { card: second })
    await next.transmit(second, SELECT)
    // The PIN is forgotten, and no try is lost.
    assert.equal(await next.transmit(second, STATUS), octets('63c5'))
  })
})

test('a program dies in the middle of a command: the command is finished, and only then the card is reset', () => {
  const held = gate()
  const begun = gate()
  const seen: string[] = []
  const channel = {
    ...plainCard(async () => {
      begun.open()
      await held.promise
      seen.push('command')
      return [0x90, 0x00]
    }),
    async reset() {
      seen.push('reset')
    },
  }
  return onBench(channel, async ({ program }) => {
    const [dying, one] = [await program(), await program()]
    const { card } = await dying.connect(READER)
    await dying.rv('beginTransaction', { card })
    dying.tell('transmit', { card, protocol: 2, sent: SELECT.length, room: 258 }, SELECT)
    await begun.promise
    const other = one.connect(READER)
    await dying.close()
    const connected = await other
    held.open()
    assert.equal(await one.transmit(connected.card, SELECT), octets('9000'))
    assert.equal(seen, ['command', 'reset', 'command'])
  })
})

test('200 programs at once, each with transactions', () => {
  const { channel, seen } = watchedCard()
  return onBench(channel, async ({ program }) => {
    const programs = await Promise.all(Array.from({ length: 200 }, () => program()))
    await Promise.all(
      programs.map(async (one) => {
        const { card } = await one.connect(READER)
        for (let round = 0; round < 3; round += 1) {
          assert.is(await one.rv('beginTransaction', { card }), 0)
          for (const apdu of [SELECT, STATUS]) assert.equal(await one.transmit(card, apdu), octets('9000'))
          assert.is(await one.rv('endTransaction', { card }), 0)
        }
      }),
    )
    assert.is(seen.length, 1200)
    // Nobody came between the two commands of a transaction.
    assert.ok(seen.every((apdu, at) => apdu === Buffer.from(at % 2 === 0 ? SELECT : STATUS).toString('hex')))
  })
})

test('a card that fails is answered with 6F00 and said why; one that is closed is out of its reader', () => {
  let error: Error = new Error('no reason')
  const channel = plainCard(() => Promise.reject(error))
  return onBench(channel, async ({ program, troubles }) => {
    const one = await program()
    const { card } = await one.connect(READER)
    assert.equal(await one.transmit(card, VERIFY), octets('6f00'))
    error = new CardError('ERR_CARD_CLOSED', 'The card is closed.')
    assert.is(await one.transmit(card, VERIFY), 0x8010_0069)
    assert.is((await one.connect(READER)).rv, 0x8010_000c)
    assert.equal(
      troubles.map((one) => (one as Error).message),
      ['no reason', 'The card is closed.'],
    )
  })
})

test('the service is closed while programs wait: they are let go, and the card is reset', async () => {
  const { channel, seen } = watchedCard()
  const path = join(tempDir('close'), 'pcsc')
  const service = await PcscService.open(path, [{ reader: READER, channel }])
  const [one, two] = [await RawClient.ready(path), await RawClient.ready(path)]
  const [first, second] = [await one.connect(READER), await two.connect(READER)]
  await one.rv('beginTransaction', { card: first.card })
  await one.transmit(first.card, SELECT)
  two.tell('beginTransaction', { card: second.card })
  await service.close()
  await one.ended()
  await two.ended()
  assert.is(seen.at(-1), 'reset')
  assert.not.ok(existsSync(path))
})

test.run()
