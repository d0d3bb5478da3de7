// takes: 4 s
// What a card does for what no vpcd says, and for one that falls silent: it lets go, and has the next one.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CardChannel } from '../../src/channel.ts'
import { CardResponder } from '../../src/doors/card-responder.ts'
import { FramedSocket } from '../../src/serve/vpcd/framed-socket.ts'
import { playCard } from '../../src/serve/vpcd/vpcd-protocol.ts'
import { plainCard } from '../pcsc/cards.ts'
import { octets } from '../support/octets.ts'
import { within } from '../support/temp.ts'
import { ATR, heldCard, OFF, onBench, status } from './support/bench.ts'
import { type RawPeer, RawVpcd } from './support/raw-vpcd.ts'

test('garbage: the connection is dropped without an answer, the card reset, and the next one is good', async () => {
  const { channel, resets, held } = heldCard()
  held.open()
  await onBench(channel, async ({ vpcd, peer: first }) => {
    let peer = first
    for (const garbage of ['0000', '0001 03', '0001 ff', '0001 05 0001 04']) {
      const before = resets.count
      peer.write(octets(garbage))
      await peer.ended()
      assert.is(peer.pieces, 0)
      peer = await vpcd.peer()
      assert.is((await peer.ask(ATR)).length, 24)
      peer.pieces = 0
      await peer.ask(status)
      peer.pieces = 0
      assert.ok(resets.count > before)
    }
  })
})

test('a peer that goes away in the middle of a frame', async () => {
  await onBench(plainCard(), async ({ vpcd, peer: first }) => {
    let peer = first
    for (const part of ['00', '0005', '0005 00cb3f', 'ffff 00', '0001 04 0005 00']) {
      peer.write(octets(part))
      peer.socket.end()
      await peer.ended()
      peer = await vpcd.peer()
      assert.is((await peer.ask(ATR)).length, 24)
    }
  })
})

/** A card and a vpcd without the rest, and with little patience. */
async function played(
  work: (peer: RawPeer, end: Promise<unknown>) => Promise<void>,
  card = plainCard(),
): Promise<void> {
  const vpcd = await RawVpcd.listen()
  const near = FramedSocket.dial(vpcd.port, '127.0.0.1', 200)
  const peer = await vpcd.peer()
  const side = new CardResponder(card, () => undefined)
  const end = playCard(
    near,
    side,
    async () => undefined,
    () => undefined,
  ).then(
    () => undefined,
    (error: unknown) => error,
  )
  await work(peer, within(end, 120_000, 'the end'))
  peer.socket.destroy()
  await end
  await vpcd.close()
}

test('a peer that stops in the middle of a frame is dropped; one that has not begun is waited for', async () => {
  await played(async (peer, end) => {
    await new Promise((resolve) => setTimeout(resolve, 500))
    assert.is((await peer.ask(ATR)).length, 24)
    peer.write([0, 5, 0, 0xcb])
    await peer.ended()
    assert.match(String(await end), 'FrameError')
  })
})

test('a vpcd that has fallen silent waits for an answer that no card gives: it is let go', async () => {
  await played(async (peer, end) => {
    await peer.ask(ATR)
    peer.tell(OFF)
    await peer.ended()
    assert.match(String(await end), 'too long')
  })
})

test('a peer that reads nothing is dropped, and takes no memory meanwhile', async () => {
  let commands = 0
  const card: CardChannel = {
    ...plainCard(() => {
      commands += 1
      return new Uint8Array(65_535)
    }),
  }
  await played(async (peer, end) => {
    peer.socket.pause()
    const flood = new Uint8Array(6 * 100_000)
    for (let at = 0; at < flood.length; at += 6) flood.set([0, 4, 0, 0xcb, 0x3f, 0xff], at)
    peer.write(flood)
    await end
    assert.ok(commands < 1000, `${commands} commands were answered to nobody`)
  }, card)
})

test.run()
