// A connection whose sockets are in another thread is what a TLSSocket is: back-pressure, half-close, time, facts.
// takes: 6 s
import { deepEqual } from 'node:assert'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as later } from 'node:timers/promises'
import tls, { type TLSSocket } from 'node:tls'
import type { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CardSocket } from '../../src/tls/index.ts'
import { type FromSockets, PIECE, type ToSockets, WINDOW } from '../../src/tls/messages.ts'
import { PIN } from '../contract/subjects.ts'
import { at } from '../enroll/support/openssl.ts'
import { within } from '../support/temp.ts'
import { least } from '../support/times.ts'
import { ask, failed, LIMIT_MS, type Stage, staged } from './support/stage.ts'

const on = staged()
const HOST = '127.0.0.1'
const MB = 1024 * 1024
const SIZE = 50 * MB
/** What two windows, the streams at both ends and the kernel's buffers hold, and some more. */
const MOST = 24 * MB

/** A connection to a server of plain TLS that is given its end of it. */
async function pair(
  stage: Stage,
  serverOptions: tls.TlsOptions = {},
  options = {},
): Promise<{ near: CardSocket; far: TLSSocket; raw: Socket }> {
  const { ca } = stage
  await stage.server() // its certificate
  const [key, cert] = ['key', 'pem'].map((ending) => readFileSync(at(`server-${ca.name}.${ending}`))) as [
    Buffer,
    Buffer,
  ]
  const server = tls.createServer({ key, cert, ca: ca.ca, requestCert: true, allowHalfOpen: true, ...serverOptions })
  server.listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'secureConnection')
  const connected = once(server, 'connection')
  const agent = await stage.agent(await stage.card(), '9a', { onPin: PIN })
  const near = await agent.connect({ host: HOST, port, ...options })
  const [far] = (await accepted) as [TLSSocket]
  const [raw] = (await connected) as [Socket]
  far.on('error', () => {})
  stage.atEnd(() => {
    far.destroy()
    near.destroy()
    server.close()
  })
  return { near, far, raw }
}

/** The most octets that were between the two threads, in each direction, of all connections to come. */
function watched(): { readonly out: number; readonly back: number } {
  const most = { out: 0, back: 0 }
  process.once('worker', (worker: Worker) => {
    const underWay = { out: 0, back: 0 }
    const count = (direction: 'out' | 'back', octets: number) => {
      underWay[direction] += octets
      most[direction] = Math.max(most[direction], underWay[direction])
    }
    const post = worker.postMessage.bind(worker)
    worker.postMessage = (message: ToSockets, ...more) => {
      if (message.do === 'data') count('out', message.octets.length)
      if (message.do === 'taken') count('back', -message.count)
      post(message, ...(more as []))
    }
    // Before the product's own: that sends more at once.
    worker.prependListener('message', (message: FromSockets) => {
      if (message.say === 'data') count('back', message.octets.length)
      if (message.say === 'taken') count('out', -message.count)
    })
  })
  return most
}

/** Octets that can be told apart, as they are wanted; and what of them was asked for. */
function source(size: number): { stream: Readable; digest: Promise<string>; readonly produced: number } {
  const hash = createHash('sha256')
  let produced = 0
  let done: (digest: string) => void = () => {}
  const digest = new Promise<string>((resolve) => {
    done = resolve
  })
  const stream = Readable.from(
    (function* () {
      while (produced < size) {
        const piece = Buffer.alloc(Math.min(48_000, size - produced), produced % 251)
        produced += piece.length
        hash.update(piece)
        yield piece
      }
      done(hash.digest('hex'))
    })(),
    { objectMode: false, highWaterMark: 64 * 1024 },
  )
  return {
    stream,
    digest,
    get produced() {
      return produced
    },
  }
}

/** All that comes; the stream stays, where `for await` would destroy it. */
async function heard(stream: Readable): Promise<string> {
  let words = ''
  stream.setEncoding('utf8').on('data', (word: string) => {
    words += word
  })
  await within(once(stream, 'end'), LIMIT_MS, 'it does not end')
  return words
}

/** Resolves when that number has stayed the same for a while. */
async function settled(number: () => number): Promise<number> {
  for (let before = -1; before !== number(); ) {
    before = number()
    await later(250)
  }
  return number()
}

for (const [direction, from, to] of [
  ['to us', 'far', 'near'],
  ['from us', 'near', 'far'],
] as const) {
  on(`50 MB ${direction}: nobody sends more than is taken, and every octet arrives`, async (stage) => {
    const most = watched()
    const ends = await pair(stage)
    const sent = source(SIZE)
    const sending = pipeline(sent.stream, ends[from] as Writable)
    const waiting = await settled(() => sent.produced)
    assert.ok(waiting < MOST, `${waiting} octets were sent to nobody`)
    const hash = createHash('sha256')
    for await (const piece of ends[to]) hash.update(piece)
    await sending
    assert.is(hash.digest('hex'), await sent.digest)
    const between = Math.max(most.out, most.back)
    assert.ok(between >= SIZE / 1000 && between < WINDOW + PIECE, `${between} octets between the threads`)
  })
}

on('one piece of 50 MB goes over in small ones', async (stage) => {
  const most = watched()
  const { near, far } = await pair(stage)
  near.end(Buffer.alloc(SIZE, 7))
  let count = 0
  for await (const piece of far) count += piece.length
  assert.is(count, SIZE)
  assert.ok(most.out < WINDOW + PIECE, `${most.out} octets between the threads`)
})

on('half-close: who has said all still hears the other', async (stage) => {
  const { near, far } = await pair(stage, {}, { allowHalfOpen: true })
  near.end('that is all')
  assert.is(await heard(far), 'that is all')
  far.end('and this from me')
  await settled(() => near.readableLength) // the connection is gone before it is read
  assert.is(await heard(near), 'and this from me')
  await within(near.closed ? Promise.resolve([]) : once(near, 'close'), LIMIT_MS, 'it does not close')
})

on('the other side ends: so does this one, and what came before is read', async (stage) => {
  const { near, far } = await pair(stage)
  far.end('goodbye')
  const arrived = async () => {
    while (near.readableLength === 0) await later(1)
  }
  await within(arrived(), LIMIT_MS, 'nothing arrives')
  assert.is(String(near.read()), 'goodbye')
  await within(Promise.all([once(near, 'end'), once(near, 'close')]), LIMIT_MS, 'it does not close')
  assert.is(near.errored, null)
  assert.is((await failed(new Promise((_, reject) => near.write('x', reject)))).code, 'ERR_STREAM_WRITE_AFTER_END')
})

on('a connection that breaks is an error, here as in Node', async (stage) => {
  const { near, raw } = await pair(stage)
  const broken = once(near, 'error')
  raw.resetAndDestroy()
  const [error] = await within(broken, LIMIT_MS, 'nobody notices')
  assert.is(error.code, 'ECONNRESET')
})

on('setTimeout: a word of either side begins it anew; 0 ends it', async (stage) => {
  const { near, far } = await pair(stage)
  let times = 0
  near.on('timeout', () => {
    times += 1
  })
  // On a busy machine a word may come late.
  const words = async () => {
    times = 0
    near.setTimeout(200)
    for (let word = 0; word < 8; word += 1) {
      if (word % 2 === 0) far.write('x')
      else near.write('x')
      near.read()
      await later(50)
    }
    return times
  }
  assert.is(await least(1, words), 0)
  await within(once(near, 'timeout'), LIMIT_MS, 'no timeout')
  assert.is(times, 1)
  near.setTimeout(50)
  near.setTimeout(0)
  await later(120)
  assert.is(times, 1)
})

on('what is known of a connection is what Node knows', async (stage) => {
  const { near, far } = await pair(
    stage,
    { ALPNProtocols: ['x/2', 'x/1'], rejectUnauthorized: false },
    { ALPNProtocols: ['x/1'], servername: 'localhost' },
  )
  const { port, address } = far.address() as AddressInfo
  const other = tls.connect({ host: HOST, port, ca: stage.ca.ca, servername: 'localhost', ALPNProtocols: ['x/1'] })
  await once(other, 'secureConnect')
  for (const name of [
    'authorized',
    'alpnProtocol',
    'servername',
    'encrypted',
    'remoteAddress',
    'remotePort',
    'remoteFamily',
    'localAddress',
    'connecting',
  ] as const) {
    assert.equal(near[name], other[name as 'authorized'], name)
  }
  assert.is(near.remoteAddress, address)
  assert.is(near.localPort, far.remotePort)
  assert.equal(near.getProtocol(), other.getProtocol())
  assert.equal(near.getCipher(), other.getCipher())
  assert.equal(near.getEphemeralKeyInfo(), other.getEphemeralKeyInfo())
  deepEqual(near.getPeerCertificate(), other.getPeerCertificate())
  deepEqual(near.getPeerCertificate(true), other.getPeerCertificate(true))
  assert.ok(Buffer.isBuffer(near.getPeerCertificate().raw))
  assert.equal(near.getPeerX509Certificate()?.raw, other.getPeerX509Certificate()?.raw)
  assert.equal(near.getX509Certificate().raw, far.getPeerX509Certificate()?.raw)
  const context = Buffer.from('context')
  const [mine, theirs] = [
    await near.exportKeyingMaterial(48, 'EXPORTER-x', context),
    far.exportKeyingMaterial(48, 'EXPORTER-x', context),
  ]
  assert.equal(mine, theirs)
  assert.not.equal(await near.exportKeyingMaterial(48, 'EXPORTER-y', context), theirs)
  other.destroy()
  near.destroy()
  assert.is((await failed(near.exportKeyingMaterial(48, 'EXPORTER-x'))).code, 'ERR_TLS_CLOSED')
})

on('keys that others are derived from, before TLS 1.3: no context is not an empty one', async (stage) => {
  const { near, far } = await pair(stage, { maxVersion: 'TLSv1.2' })
  const far48 = far.exportKeyingMaterial.bind(far, 48, 'EXPORTER-x') as (context?: Buffer) => Buffer
  assert.equal(await near.exportKeyingMaterial(48, 'EXPORTER-x'), far48())
  assert.equal(await near.exportKeyingMaterial(48, 'EXPORTER-x', new Uint8Array(0)), far48(Buffer.alloc(0)))
  assert.not.equal(far48(), far48(Buffer.alloc(0)))
})

on('the curves of this thread are those of the other', async (stage) => {
  const before = tls.DEFAULT_ECDH_CURVE
  try {
    tls.DEFAULT_ECDH_CURVE = 'P-384'
    const { near } = await pair(stage, { ecdhCurve: 'P-256:P-384' })
    assert.is((near.getEphemeralKeyInfo() as tls.EphemeralKeyInfo).name, 'secp384r1')
  } finally {
    tls.DEFAULT_ECDH_CURVE = before
  }
})

on('keep-alive: connections are used again, and one that the server closed is not', async (stage) => {
  const server = await stage.server()
  const agent = await stage.agent(await stage.card(), '9a', { onPin: PIN })
  for (let count = 0; count < 3; count += 1) await ask(agent, server.url)
  assert.is(server.handshakes, 1)
  const [free] = Object.values(agent.freeSockets).flat() as unknown as CardSocket[]
  const closed = once(free as CardSocket, 'close')
  server.hangUp()
  await within(closed, LIMIT_MS, 'the agent does not notice')
  await ask(agent, server.url)
  assert.is(server.handshakes, 2)
})

test.run()
