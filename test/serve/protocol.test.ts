// takes: 4 s
// What a card does for whatever vpcd says.
import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CardChannel } from '../../src/channel.ts'
import { CardResponder } from '../../src/doors/card-responder.ts'
import { serveChannel } from '../../src/serve/vpcd/serve.ts'
import { memoryCard, PIN, plainCard } from '../pcsc/cards.ts'
import { between } from '../support/channels.ts'
import { filled, octets } from '../support/octets.ts'
import { gate } from '../support/temp.ts'
import { ATR, heldCard, OFF, OK, ON, onBench, RESET, status } from './support/bench.ts'
import { RawPeer, RawVpcd } from './support/raw-vpcd.ts'

const FAILED = [0x6f, 0x00]
const verify = Uint8Array.of(0x00, 0x20, 0x00, 0x80, 8, ...Buffer.from(PIN), 0xff, 0xff)
const select = octets('00a4040005a000000308')

test('ATR, power and commands: each has the answer that it has, in one piece', async () => {
  const card = plainCard((apdu) => [...apdu.subarray(0, 4), ...OK])
  await onBench(card, async ({ peer, served, states }) => {
    peer.tell(ON)
    assert.equal(await peer.ask(ATR), card.atr)
    await served.ready
    assert.equal(states, ['inserted'])
    for (const code of [OFF, ON, RESET]) peer.tell(code)
    peer.pieces = 0
    assert.equal(await peer.ask(octets('00cb3fff')), octets('00cb3fff 9000'))
    assert.is(peer.pieces, 1)
    assert.equal(await peer.ask(octets('0102')), octets('0102 9000'), 'two octets are a command of the card to judge')
  })
})

test('in its reader when pcscd has powered it, or goes on asking: not at the first looks', async () => {
  await onBench(plainCard(), async ({ peer, states }) => {
    for (const asked of [[], [], ['inserted'], ['inserted']]) {
      await peer.ask(ATR)
      assert.equal(states, asked)
    }
  })
  await onBench(plainCard(), async ({ peer, states }) => {
    await peer.ask(ATR)
    peer.tell(ON)
    assert.equal(states, [])
    await peer.ask(ATR)
    assert.equal(states, ['inserted'])
  })
  await onBench(plainCard(), async ({ peer, states }) => {
    await peer.ask(status)
    assert.equal(states, ['inserted'])
  })
})

test('commands and answers of every length on which anything turns', async () => {
  const lengths = [2, 3, 4, 5, 127, 128, 255, 256, 257, 4094, 4095, 4096, 4097, 8192, 32_767, 32_768, 65_534, 65_535]
  const card = plainCard((apdu) => apdu)
  await onBench(card, async ({ peer }) => {
    for (const length of lengths) assert.equal(await peer.ask(filled(length)), filled(length), String(length))
  })
})

test('frames in any pieces, and many in one', async () => {
  await onBench(plainCard(), async ({ peer }) => {
    const stream = [0, 1, ...ATR, 0, 4, 0, 0xcb, 0x3f, 0xff, 0, 1, ...OFF, 0, 1, ...ATR]
    peer.write([...stream, ...stream, ...stream])
    for (let round = 0; round < 3; round += 1) {
      assert.is((await peer.heard()).length, 24)
      assert.equal([...(await peer.heard())], OK)
      assert.is((await peer.heard()).length, 24)
    }
    for (const octet of stream) {
      peer.write([octet])
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.is((await peer.heard()).length, 24)
    assert.equal([...(await peer.heard())], OK)
  })
})

test('more at once than there is room for: all of it is answered, in turn', async () => {
  const card = plainCard((apdu) => [apdu[2] ?? 0, apdu[3] ?? 0, ...OK])
  await onBench(card, async ({ peer }) => {
    const count = 20_000
    const flood = new Uint8Array(6 * count)
    for (let at = 0; at < count; at += 1) flood.set([0, 4, 0, 0xcb, at >> 8, at & 0xff], 6 * at)
    peer.write(flood)
    for (let at = 0; at < count; at += 1) {
      const [high = 0, low = 0] = await peer.heard()
      if ((high << 8) + low !== at) assert.unreachable(`answer ${at}`)
    }
  })
})

for (const [what, codes] of [
  ['power-off', [OFF]],
  ['power-on', [ON]],
  ['a reset', [RESET]],
  ['all of them', [OFF, ON, RESET]],
] as const) {
  test(`the PIN is not verified any more after ${what}`, async () => {
    await onBench(memoryCard().channel, async ({ peer }) => {
      await peer.ask(select)
      assert.equal([...(await peer.ask(verify))], OK)
      assert.equal([...(await peer.ask(status))], OK)
      for (const code of codes) peer.tell(code)
      assert.equal(await peer.ask(status), octets('63c5'))
    })
  })
}

test('nor after the connection has ended', async () => {
  await onBench(memoryCard().channel, async ({ vpcd, peer, states }) => {
    await peer.ask(ATR)
    assert.equal([...(await peer.ask(verify))], OK)
    peer.socket.destroy()
    const next = await vpcd.peer()
    await next.ask(ATR)
    assert.equal(await next.ask(status), octets('63c5'))
    assert.equal(states, ['inserted', 'waiting', 'inserted'])
  })
})

test('a command comes to its end after power-off in the middle of it, and what it proved is gone then', async () => {
  const { channel } = memoryCard()
  const held = gate()
  const card = between(channel, async (apdu, transmit) => {
    const answer = await transmit(apdu)
    await held.promise
    return answer
  })
  await onBench(card, async ({ peer }) => {
    peer.tell(verify)
    peer.tell(OFF)
    peer.tell(ON)
    held.open()
    assert.equal([...(await peer.heard())], OK)
    assert.equal(await peer.ask(status), octets('63c5'))
  })
})

test('the ATR is there at once after power-on, although the card is still busy with something else', async () => {
  const { channel, held, begun } = heldCard()
  await onBench(channel, async ({ vpcd, peer }) => {
    peer.tell(octets('00cb3fff'))
    await begun.promise
    peer.socket.destroy()
    const next = await vpcd.peer()
    next.tell(ON)
    assert.is((await next.ask(ATR)).length, 24)
    held.open()
    assert.equal([...(await next.ask(octets('00cb3fff')))], OK)
  })
})

test('a card that fails answers 6F00, and why is said; the next command is answered', async () => {
  let failing: unknown = new Error('the TPM is gone')
  const card = plainCard(() => {
    if (failing instanceof Error) throw failing
    return failing instanceof Uint8Array ? failing : OK
  })
  await onBench(card, async ({ peer, troubles }) => {
    assert.equal([...(await peer.ask(verify))], FAILED)
    assert.is(troubles[0], failing)
    for (const length of [0, 1, 65_536]) {
      failing = new Uint8Array(length)
      assert.equal([...(await peer.ask(verify))], FAILED, `${length} octets are no answer`)
    }
    failing = undefined
    assert.equal([...(await peer.ask(verify))], OK)
    assert.is(troubles.length, 4)
  })
})

test('a reset that fails is done again before the next command: the card does not answer before it', async () => {
  let broken = true
  let resets = 0
  const card: CardChannel = {
    ...plainCard(),
    async reset() {
      resets += 1
      if (broken) throw new Error('the TPM is gone')
    },
  }
  await onBench(card, async ({ peer, troubles }) => {
    peer.tell(RESET)
    assert.equal([...(await peer.ask(status))], FAILED)
    broken = false
    assert.equal([...(await peer.ask(status))], OK)
    assert.equal([...(await peer.ask(status))], OK)
    assert.equal([resets, troubles.length], [3, 2])
  })
})

test('a reset that is asked for while another is under way comes after the commands between', async () => {
  const held = gate()
  const done: string[] = []
  const card: CardChannel = {
    ...plainCard(() => {
      done.push('command')
      return OK
    }),
    reset: async () => {
      await held.promise
      done.push('reset')
    },
  }
  const side = new CardResponder(card, () => undefined)
  const all = [side.reset(), side.transmit(verify.slice()), side.reset()]
  held.open()
  await Promise.all(all)
  assert.equal(done, ['reset', 'command', 'reset'])
})

test('told to stop while a command is under way: at once, and what it answers goes nowhere', async () => {
  const { channel, held, begun, resets } = heldCard()
  const vpcd = await RawVpcd.listen()
  const served = await serveChannel(channel, { vpcd: vpcd.place })
  const peer = await vpcd.peer()
  peer.tell(status)
  await begun.promise
  const closing = served.close()
  await peer.ended()
  held.open()
  await closing
  await served.closed
  assert.is(peer.pieces, 0)
  assert.is(resets.count, 1)
  await vpcd.close()
})

test('the card listens: one peer at a time, the next at once when that is gone, and a PIN is not left to it', async () => {
  const spare = await RawVpcd.listen()
  const { port: listen } = spare
  await spare.close()
  const served = await serveChannel(memoryCard().channel, { listen, bothPorts: false })
  const join = () => new RawPeer(connect({ port: listen, host: '127.0.0.1', noDelay: true }))
  const first = join()
  assert.is((await first.ask(ATR)).length, 24)
  assert.equal([...(await first.ask(verify))], OK)
  const second = join()
  second.tell(ATR)
  await second.ended()
  assert.is(second.pieces, 0)
  assert.equal([...(await first.ask(status))], OK, 'the first is not disturbed')
  const third = join()
  first.socket.destroy()
  assert.is((await third.ask(ATR)).length, 24)
  assert.equal(await third.ask(status), octets('63c5'))
  await served.close()
  await third.ended()
})

test('what is no place of a vpcd on this machine', async () => {
  const wrong = [
    '192.0.2.1:35963',
    'example.org:1',
    '[::1]:35963',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    ':1',
    '',
  ]
  for (const vpcd of wrong) {
    const error = await serveChannel(plainCard(), { vpcd }).catch((thrown: unknown) => thrown)
    assert.is((error as { code?: string }).code, 'ERR_USAGE', vpcd)
  }
  for (const options of [{ listen: 0 }, { listen: 1.5 }, { listen: 65_536 }, { listen: 2000, vpcd: '127.0.0.1:1' }]) {
    const error = await serveChannel(plainCard(), options).catch((thrown: unknown) => thrown)
    assert.is((error as { code?: string }).code, 'ERR_USAGE')
  }
  const served = await serveChannel(plainCard(), { vpcd: 'localhost:1' })
  await served.close()
})

test.run()
