// fetch over an agent is what the platform's fetch is, but for redirects to other servers.
// takes: 6 s
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as later } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CardAgent } from '../../src/tls/index.ts'
import { at } from '../enroll/support/openssl.ts'
import { gate, within } from '../support/temp.ts'
import { failed, LIMIT_MS, type Stage, staged } from './support/stage.ts'

const on = staged()
const NEVER = [{ slot: '9e', pinPolicy: 'never' }] as const

type Route = (request: IncomingMessage, response: ServerResponse) => void
const to =
  (status: number, location: string): Route =>
  (_, response) =>
    void response.writeHead(status, { location }).end()

const raw =
  (status: string, fields: string): Route =>
  ({ socket }) =>
    void socket.write(`HTTP/1.1 ${status}\r\n${fields}\r\nx`)

const ROUTES: Readonly<Record<string, Route>> = {
  '/echo': (request, response) => {
    const { method, headers } = request
    response.setHeader('x-method', String(method))
    response.setHeader('x-headers', JSON.stringify(headers))
    request.pipe(response)
  },
  '/cookies': (_, response) =>
    void response.setHeader('set-cookie', ['a=1', 'b=2']).writeHead(418, 'Teapot').end('tea'),
  '/empty': (_, response) => void response.writeHead(204).end(),
  '/301': to(301, '/echo'),
  '/303': to(303, '/echo'),
  '/307': to(307, 'echo'),
  '/308': to(308, '/echo'),
  '/round': to(302, '/round'),
  '/away': to(302, 'https://elsewhere.example/'),
  '/down': to(302, 'http://127.0.0.1/'),
  '/broken': (_, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy())
  },
  '/101': raw('101 Switching Protocols', 'Connection: Upgrade\r\nUpgrade: else\r\n'),
  '/600': raw('600 What', 'Content-Length: 1\r\n'),
  '/words': raw('200 \x01', 'Content-Length: 1\r\n'),
  '/large': (_, response) => void response.end(Buffer.alloc(3_000_000, 1)),
}

/** An agent and a server of those routes. */
async function between(stage: Stage, work: (agent: CardAgent, base: string) => Promise<void>): Promise<void> {
  await stage.server() // its certificate
  const [key, cert] = ['key', 'pem'].map((ending) => readFileSync(at(`server-${stage.ca.name}.${ending}`)))
  const server: Server = createServer({ key, cert, ca: stage.ca.ca, requestCert: true }, (request, response) => {
    ROUTES[request.url ?? '']?.(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = await stage.agent(await stage.card(NEVER), '9e')
  try {
    await work(agent, `https://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    agent.destroy()
    server.closeAllConnections()
    server.close()
  }
}

on('methods, headers and bodies of every kind', (stage) =>
  between(stage, async (agent, base) => {
    const bodies: ReadonlyArray<readonly [NonNullable<RequestInit['body']>, string, string | undefined]> = [
      ['text', 'text', 'text/plain;charset=UTF-8'],
      [new URLSearchParams({ a: '1' }), 'a=1', 'application/x-www-form-urlencoded;charset=UTF-8'],
      [Uint8Array.of(0x61), 'a', undefined],
      [new Blob(['blob'], { type: 'x/y' }), 'blob', 'x/y'],
      ['', '', 'text/plain;charset=UTF-8'],
    ]
    for (const [body, expected, type] of bodies) {
      const response = await agent.fetch(`${base}/echo`, { method: 'PUT', body, headers: { 'X-Mine': 'yes' } })
      const headers = JSON.parse(response.headers.get('x-headers') ?? '')
      assert.equal(
        [headers['x-mine'], headers['content-type'], headers['content-length']],
        ['yes', type, String(expected.length)],
      )
      assert.equal([response.status, response.ok, response.url], [200, true, `${base}/echo`])
      assert.is(await response.text(), expected)
    }
    const stream = new Blob(['a', 'stream']).stream()
    const streamed = await agent.fetch(new URL(`${base}/echo`), { method: 'POST', body: stream, duplex: 'half' })
    assert.is(JSON.parse(streamed.headers.get('x-headers') ?? '')['transfer-encoding'], 'chunked')
    assert.is(await streamed.text(), 'astream')
    const large = await (await agent.fetch(`${base}/large`)).arrayBuffer()
    assert.is(large.byteLength, 3_000_000)
  }),
)

on('status, fields that come twice, and answers without a body', (stage) =>
  between(stage, async (agent, base) => {
    const response = await agent.fetch(`${base}/cookies`)
    assert.equal([response.status, response.statusText, response.ok], [418, 'Teapot', false])
    assert.equal(response.headers.getSetCookie(), ['a=1', 'b=2'])
    assert.is(await response.text(), 'tea')
    assert.is((await agent.fetch(`${base}/empty`)).body, null)
    const head = await agent.fetch(`${base}/echo`, { method: 'HEAD' })
    assert.equal([head.headers.get('x-method'), head.body], ['HEAD', null])
  }),
)

on('redirects: followed to the same server alone', (stage) =>
  between(stage, async (agent, base) => {
    const post = { method: 'POST', body: 'text' }
    for (const [status, method, body] of [
      ['301', 'GET', ''],
      ['303', 'GET', ''],
      ['307', 'POST', 'text'],
      ['308', 'POST', 'text'],
    ] as const) {
      const response = await agent.fetch(`${base}/${status}`, post)
      assert.equal(
        [response.redirected, response.url, response.headers.get('x-method')],
        [true, `${base}/echo`, method],
      )
      assert.is(await response.text(), body, status)
    }
    const manual = await agent.fetch(`${base}/301`, { redirect: 'manual' })
    assert.equal([manual.status, manual.headers.get('location')], [301, '/echo'])
    for (const [path, init, words] of [
      ['/301', { redirect: 'error' }, 'does not allow'],
      ['/round', {}, 'too many times'],
      ['/away', {}, 'https://elsewhere.example'],
      ['/down', {}, 'http://127.0.0.1'],
      ['/307', { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' }, 'stream'],
    ] as const) {
      const error = await failed(agent.fetch(base + path, init))
      assert.instance(error, TypeError, path)
      assert.match(error.message, words)
    }
  }),
)

on('an answer that breaks off, and one that is given up', (stage) =>
  between(stage, async (agent, base) => {
    const broken = await agent.fetch(`${base}/broken`)
    await failed(broken.text())
    const giveUp = new AbortController()
    const response = await agent.fetch(`${base}/large`, { signal: giveUp.signal })
    giveUp.abort()
    assert.is((await failed(response.text())).name, 'AbortError')
    assert.is(await (await agent.fetch(`${base}/echo`, { method: 'POST', body: 'on' })).text(), 'on')
  }),
)

on('what is no answer of HTTP is an error, and its connection is not used again', (stage) =>
  between(stage, async (agent, base) => {
    for (const path of ['/101', '/600', '/words']) {
      assert.instance(await failed(agent.fetch(base + path)), TypeError, path)
      await within(closed(agent), LIMIT_MS, `the connection is kept: ${path}`)
    }
  }),
)

async function closed({ sockets, freeSockets }: CardAgent): Promise<void> {
  while (Object.values({ ...sockets, ...freeSockets }).flat().length > 0) await later(1)
}

on('a stream that nobody will read is told so', (stage) =>
  between(stage, async (agent) => {
    const cancelled = gate()
    const pull = (stream: ReadableStreamDefaultController) => stream.enqueue(Uint8Array.of(1))
    const body = new ReadableStream({ pull, cancel: () => cancelled.open() })
    const error = await failed(agent.fetch('https://127.0.0.1:1/', { method: 'POST', body, duplex: 'half' }))
    assert.is(error.code, 'ECONNREFUSED')
    await within(cancelled.promise, LIMIT_MS, 'the stream is not cancelled')
  }),
)

test.run()
