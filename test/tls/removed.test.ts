// A card in a reader that is taken out while it signs for a handshake, and put in again.
// takes: 6 s
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, openCard, PcscError, PinError, TlsError } from '../../src/index.ts'
import { cardAgent } from '../../src/tls/index.ts'
import { ADMIN_KEY, memoryCard, PIN, seen } from '../pcsc/cards.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { ask, failed } from './support/stage.ts'
import { authority, certify, startServer, type TestServer } from './support/world.ts'

const GENERAL_AUTHENTICATE = 0x87
const ca = authority('ca')
const { channel } = memoryCard()
let pcscd: Pcscd
let inserted: Inserted
let server: TestServer
let card: Card

async function insert(): Promise<void> {
  inserted = await insertCard(pcscd.ports[0], channel)
  await seen(pcscd.readers[0], true)
  card = await openCard({ reader: pcscd.readers[0] })
}

test.before(async () => {
  pcscd = await startPcscd()
  server = await startServer(ca)
  await insert()
  await card.authenticateAdmin(ADMIN_KEY)
  for (const slot of ['9a', '9c']) {
    await card.generateKey(slot)
    await certify(card, slot, ca, { pin: PIN })
  }
})
test.after(async () => {
  await card?.close()
  await inserted?.pull()
  await server?.stop()
  await pcscd?.stop()
})

for (const slot of ['9a', '9c']) {
  test(`${slot}: the card is the cause of the error, and no try is spent`, async () => {
    const agent = await cardAgent(card, slot, { ca: ca.ca, onPin: PIN })
    assert.is(await ask(agent, server.url), 'Maria TLSv1.3')
    inserted.intercept = (apdu) => (apdu[1] === GENERAL_AUTHENTICATE ? 'pull' : undefined)
    const error = await failed(agent.connect({ host: '127.0.0.1', port: server.port }))
    assert.instance(error, TlsError)
    assert.is(error.code, 'ERR_TLS_HANDSHAKE')
    assert.instance(error.cause, PcscError)
    assert.is((error.cause as PcscError).code, 'ERR_CARD_REMOVED')
    await seen(pcscd.readers[0], false)
    const gone = await failed(agent.connect({ host: '127.0.0.1', port: server.port }))
    assert.instance(gone, PcscError, 'before the handshake it is the error itself')
    agent.destroy()
    await card.close()
    await insert()
    const again = await cardAgent(card, slot, { ca: ca.ca, onPin: PIN })
    assert.is(await ask(again, server.url), 'Maria TLSv1.3')
    assert.is((await card.pinStatus()).triesLeft ?? 5, 5)
    again.destroy()
  })
}

test('a PIN that becomes wrong between being asked for and the signature is one try', async () => {
  const agent = await cardAgent(card, '9c', { ca: ca.ca, onPin: PIN })
  let verifies = 0
  inserted.intercept = (apdu) => {
    if (apdu[1] === 0x20 && apdu.length > 5) verifies += 1
    return verifies === 2 && apdu[1] === 0x20 && apdu.length > 5 ? Uint8Array.of(0x63, 0xc4) : undefined
  }
  const error = await failed(agent.connect({ host: '127.0.0.1', port: server.port }))
  assert.is(error.code, 'ERR_TLS_HANDSHAKE')
  assert.instance(error.cause, PinError)
  assert.is((error.cause as PinError).code, 'ERR_PIN_WRONG')
  assert.is(verifies, 2)
  const again = await failed(agent.connect({ host: '127.0.0.1', port: server.port }))
  assert.equal([again.code, verifies], ['ERR_PIN_WRONG', 2], 'a PIN that was given once is sent no more')
  inserted.intercept = undefined
  agent.destroy()
})

test.run()
