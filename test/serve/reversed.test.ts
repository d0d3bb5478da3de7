// takes: 10 s
// The other direction: the card listens, and vpcd connects to it.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, listReaders, openCard } from '../../src/index.ts'
import { type Served, serveChannel } from '../../src/serve/vpcd/serve.ts'
import { endsPcscd, vpcdVersion } from '../../src/serve/vpcd/vpcd-setup.ts'
import { memoryCard, PIN, seen } from '../pcsc/cards.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { gone, within } from '../support/temp.ts'

let pcscd: Pcscd
let served: Served
const states: string[] = []

async function opened(work: (card: Card) => Promise<void>): Promise<void> {
  const card = await openCard({ reader: pcscd.readers[0] })
  try {
    await work(card)
  } finally {
    await card.close()
  }
}

test.before(async () => {
  pcscd = await startPcscd({
    reversed: true,
    before: async ([listen]) => {
      served = await serveChannel(memoryCard().channel, { listen, onState: (state) => states.push(state) })
    },
  })
})
test.after(async () => {
  await served?.close()
  await pcscd?.stop()
})

test('the card is there, and only there', async () => {
  await within(served.ready, 120_000, 'the card in its reader')
  await seen(pcscd.readers[0], true)
  const readers = await listReaders()
  assert.equal(
    readers.map(({ name, atr }) => [name, atr !== undefined]),
    [
      [pcscd.readers[0], true],
      [pcscd.readers[1], false],
    ],
  )
  await opened(async (card) => {
    await card.verifyPin(PIN)
    assert.is((await card.pinStatus()).verified, true)
  })
  await opened(async (card) => assert.is((await card.pinStatus()).verified, false))
  assert.equal(states, ['waiting', 'inserted'])
})

test('by a part of the name too: a card that does not answer is not what is meant', async () => {
  const card = await openCard({ reader: 'virtual' })
  assert.is(card.name, `reader:${pcscd.readers[0]}`)
  await card.close()
})

test('a second peer is let go, and the first goes on', async () => {
  const second = connect(pcscd.ports[0], '127.0.0.1')
  await within(once(second, 'close'), 120_000, 'its end')
  await opened(async (card) => card.verifyPin(PIN))
  assert.not(gone(pcscd.pid))
})

test('a port that is taken', async () => {
  for (const listen of pcscd.ports) {
    const error = await serveChannel(memoryCard().channel, { listen, bothPorts: false }).catch((e: unknown) => e)
    assert.is((error as { code?: string }).code, 'ERR_SERVE_PORT')
  }
})

test('the card listens on this machine alone', () => {
  const rows = readFileSync('/proc/net/tcp', 'latin1').split('\n')
  for (const port of pcscd.ports) {
    const listening = rows.filter((row) => row.includes(`:${port.toString(16).toUpperCase()} 00000000:0000 0A`))
    assert.is(listening.length, 1)
    assert.match(listening[0] ?? '', / 0100007F:/)
  }
})

test('taken out: with it goes a pcscd whose vpcd is 3.3, and any other goes on; the card can be put in again', async () => {
  const { pid } = pcscd
  await served.close()
  if (endsPcscd(await vpcdVersion())) {
    while (!gone(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.match(pcscd.log(), 'FD_SETSIZE')
  } else {
    await seen(pcscd.readers[0], false)
    assert.not(gone(pid))
  }
  served = await serveChannel(memoryCard().channel, { listen: pcscd.ports[0] })
  if (gone(pid)) await pcscd.start()
  await seen(pcscd.readers[0], true)
  await opened(async (card) => card.verifyPin(PIN))
})

test.run()
