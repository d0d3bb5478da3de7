// takes: 8 s
// Whatever a server does with a connection, the promise of the call settles: for CAs, for services, and for fetch.
import { Agent } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { certsrvProtocol } from '../../src/enroll/protocols/certsrv.ts'
import { estProtocol } from '../../src/enroll/protocols/est.ts'
import { inTime } from '../../src/https/client.ts'
import { Service } from '../../src/signin/service.ts'
import { fetchOver } from '../../src/tls/fetch.ts'
import { address } from '../enroll/protocols-support.ts'
import { makeRequest, startLab } from '../lab-ca/support.ts'
import { within } from '../support/temp.ts'

const lab = await startLab()
const { certificate: cert, key } = await lab.registration.authority.serverIdentity(['127.0.0.1'])
let answer: (socket: TLSSocket) => void = () => undefined
const open = new Set<TLSSocket>()
const server = createServer({ cert, key, allowHalfOpen: true }, (socket) => {
  open.add(socket)
  socket.on('error', () => undefined).once('data', () => answer(socket))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
test.after(async () => {
  for (const socket of open) socket.destroy()
  server.close()
  await lab.close()
})

/** The caller's limit is far off where the server ends it, and near where nothing else does. */
const LONG = 60_000
const SHORT = 300

/** Writes without an end, for as long as the other side reads. */
const forever = (text: string) => (socket: TLSSocket) => {
  const more = () => !socket.destroyed && socket.write(text, () => setImmediate(more))
  more()
}

type Meaning = 'answer' | 'unavailable'
const CASES: ReadonlyArray<readonly [string, (socket: TLSSocket) => void, Meaning, number]> = [
  [
    '101 with another protocol',
    (it) => it.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    'answer',
    LONG,
  ],
  ['101 without one', (it) => it.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'), 'answer', LONG],
  [
    '101 and the end',
    (it) => it.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    'answer',
    LONG,
  ],
  ['100 for ever', forever('HTTP/1.1 100 Continue\r\n\r\n'), 'answer', LONG],
  ['102 for ever', forever('HTTP/1.1 102 Processing\r\n\r\n'), 'answer', LONG],
  ['103 for ever', forever('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'), 'answer', LONG],
  ['the end before any answer', (it) => it.end(), 'unavailable', LONG],
  ['the end in the header', (it) => it.end('HTTP/1.1 200 OK\r\nContent-'), 'unavailable', LONG],
  ['the end in the body', (it) => it.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345'), 'unavailable', LONG],
  [
    'the end in a chunk',
    (it) => it.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n12345'),
    'unavailable',
    LONG,
  ],
  ['gone before any answer', (it) => it.destroy(), 'unavailable', LONG],
  ['silence', () => undefined, 'unavailable', SHORT],
  ['silence in the header', (it) => it.write('HTTP/1.1 200 OK\r\nContent-'), 'unavailable', SHORT],
  [
    'silence in the body',
    (it) => it.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345'),
    'unavailable',
    SHORT,
  ],
]

const request = makeRequest()
const CALLERS: ReadonlyArray<
  readonly [string, Readonly<Record<Meaning, string>>, (timeout: number) => Promise<unknown>]
> = [
  [
    'EST',
    { answer: 'ERR_CA_ANSWER', unavailable: 'ERR_CA_UNAVAILABLE' },
    (timeout) => estProtocol(address(lab, { url, timeout })).submit(request),
  ],
  [
    'certsrv',
    { answer: 'ERR_CA_ANSWER', unavailable: 'ERR_CA_UNAVAILABLE' },
    (timeout) => certsrvProtocol(address(lab, { url: `${url}/certsrv`, timeout })).submit(request),
  ],
  [
    'a service',
    { answer: 'ERR_SERVICE_ANSWER', unavailable: 'ERR_SERVICE_UNAVAILABLE' },
    async (timeout) => {
      const service = new Service(url, undefined, timeout)
      const agent = new Agent({ ca: lab.registration.authority.pem })
      return service.ask({ agent, headers: {} }, { method: 'POST', path: '/session', body: '{}' }, v.object({}))
    },
  ],
]

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'an answer',
    (error: unknown) => (error as { code?: unknown }).code ?? error,
  )

for (const [what, given, meaning, timeout] of CASES) {
  test(what, async () => {
    answer = given
    for (const [who, codes, call] of CALLERS) {
      assert.is(await within(codeOf(call(timeout)), 120_000, `${who} waits for ever`), codes[meaning], who)
    }
    const agent = new Agent({ ca: lab.registration.authority.pem })
    const signal = AbortSignal.timeout(timeout === SHORT ? SHORT : 2 * LONG)
    const fetched = fetchOver(agent, url, { signal }).then((response) => response.text())
    const error = await within(
      fetched.catch((cause: unknown) => cause),
      120_000,
      'fetch waits for ever',
    )
    assert.instance(error, Error)
    agent.destroy()
  })
}

test('a call that fails before it is sent leaves no timer that keeps the process alive', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const thrown = new TypeError('no such header')
  const call = inTime({ ms: 20_000 }, () => {
    throw thrown
  })
  assert.is(await call.catch((error: unknown) => error), thrown)
  assert.is(timers(), before)
})

test.run()
