import { once } from 'node:events'
import { get } from 'node:https'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cardAgent } from '../../src/index.ts'
import { PIN, startBench } from '../library/bench.ts'
import { authority, certify, startServer } from './support/world.ts'

test('first', async () => {
  const bench = await startBench('embedded')
  const card = await bench.create()
  await card.verifyPin(PIN)
  const ca = authority('ca')
  await card.generateKey('9a')
  await certify(card, '9a', ca)
  await card.lock()
  const server = await startServer(ca)
  const agent = await cardAgent(card, '9a', { ca: ca.ca, onPin: PIN })
  const [response] = await once(get(server.url, { agent }), 'response')
  assert.is(await text(response), 'Maria TLSv1.3')
  const answer = await agent.fetch(`${server.url}echo`, { method: 'POST', body: 'hello' })
  assert.is(await answer.text(), 'hello')
  assert.is(server.handshakes, 1)
  const socket = await agent.connect({ host: '127.0.0.1', port: server.port })
  console.log(
    socket.getProtocol(),
    socket.authorized,
    socket.getCipher(),
    socket.getPeerCertificate().subject,
    (await socket.exportKeyingMaterial(32, 'x')).length,
    socket.getEphemeralKeyInfo(),
  )
  agent.destroy()
  await server.stop()
  await bench.stop()
})
test.run()
