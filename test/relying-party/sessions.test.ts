// takes: 5 s
// Signed in, signed out, too long ago: by certificate and by challenge.

import { once } from 'node:events'
import { type ConnectionOptions, connect } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { within } from '../support/temp.ts'
import { answered } from './answer.ts'
import { ask, enrolled, keeping, type Sample, startSample } from './support.ts'

const HOUR = 60 * 60 * 1000
let shift = 0
const sample: Sample = await startSample({ times: { refresh: 0 }, now: () => Date.now() + shift })
const person = await enrolled(sample.lab)
test.after(() => sample.close())
test.after.each(() => {
  shift = 0
})

const error = async (how: Parameters<typeof ask>[2]) => (await ask(sample, '/session', how)).json.error

test('by certificate: signed out on every connection that is open, and signed in anew on another one', async () => {
  const [one, two, third] = [keeping(), keeping(), keeping()]
  const other = await enrolled(sample.lab)
  for (const agent of [one, two]) assert.is(await error({ person, agent }), undefined)
  assert.is(await error({ person: other, agent: third }), undefined)
  const { status, text } = await ask(sample, '/session', { person, agent: one, method: 'DELETE' })
  assert.equal([status, text], [204, ''])
  for (const agent of [one, two]) assert.is(await error({ person, agent }), 'signed-out')
  assert.is(await error({ person: other, agent: third }), undefined)
  assert.is(await error({ person }), undefined)
  assert.is(await error({ method: 'DELETE' }), 'no-certificate')
  for (const agent of [one, two, third]) agent.destroy()
})

test('by certificate: a connection is signed in for eight hours', async () => {
  const agent = keeping()
  const { expires = '' } = (await ask(sample, '/session', { person, agent })).json
  assert.ok(Math.abs(Date.parse(expires) - Date.now() - 8 * HOUR) < 300_000)
  shift = 8 * HOUR - 10_000
  assert.is(await error({ person, agent }), undefined)
  shift = 8 * HOUR + 10_000
  assert.is(await error({ person, agent }), 'signed-out')
  assert.is(await error({ person }), undefined)
  agent.destroy()
})

test('by challenge: until it is signed out, or has expired', async () => {
  const [{ session: one }, { session: two }] = [
    (await answered(sample, person)).json,
    (await answered(sample, person)).json,
  ]
  assert.is((await ask(sample, '/session', { bearer: one })).json.how, 'challenge')
  assert.is((await ask(sample, '/session', { bearer: one, method: 'DELETE' })).status, 204)
  for (const method of ['GET', 'DELETE']) assert.is(await error({ bearer: one, method }), 'signed-out')
  assert.is(await error({ bearer: two }), undefined)
  shift = 8 * HOUR + 10_000
  assert.is(await error({ bearer: two }), 'signed-out')
})

test('a session that nobody has, also of somebody with a certificate', async () => {
  for (const bearer of ['x', 'A'.repeat(43), 'A'.repeat(300), 'a b', '']) {
    assert.is(await error({ bearer }), 'signed-out')
    assert.is(await error({ bearer, person }), 'signed-out')
  }
  assert.is(await error({ headers: { Authorization: 'Basic bWFyaWE6eA==' }, person }), 'signed-out')
})

test('a user has sixteen sessions; the oldest one gives way', async () => {
  const sessions: string[] = []
  for (let count = 0; count < 17; count += 1) sessions.push((await answered(sample, person)).json.session ?? '')
  const errors = await Promise.all(sessions.map((bearer) => error({ bearer })))
  assert.equal(errors, ['signed-out', ...Array(16).fill(undefined)])
})

test('nothing that is secret was written down', async () => {
  const { session = '' } = (await answered(sample, person)).json
  await ask(sample, `/session?token=${session}`, { bearer: session })
  const all = sample.lines.join('\n')
  assert.ok(sample.lines.length > 40)
  assert.not.match(all, session)
  assert.not.match(all, /[\w-]{40}/)
})

/** Connects, reads until tickets have come where there are any, and answers what there is to resume by. */
async function handshake(options: ConnectionOptions): Promise<{ reused: boolean; session: Buffer | undefined }> {
  const { hostname, port } = new URL(sample.url)
  const socket = connect({ host: hostname, port: Number(port), ca: sample.pem, ...person, ...options })
  let session: Buffer | undefined
  socket.on('session', (bytes: Buffer) => {
    session = bytes
  })
  const answer = new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject))
  socket.write('GET /session HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n')
  assert.match(String(await within(answer as Promise<Buffer>, 120_000, 'answer')), '200 OK')
  session ??= socket.getSession()
  const reused = socket.isSessionReused()
  socket.destroy()
  return { reused, session }
}

test('a TLS session is not resumed: every connection proves the key', async () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const options = { minVersion: version, maxVersion: version }
    const { session } = await handshake(options)
    const again = await handshake({ ...options, ...(session === undefined ? {} : { session }) })
    assert.is(again.reused, false, version)
  }
})

test('a connection keeps the certificate that it began with', async () => {
  const { hostname, port } = new URL(sample.url)
  const options = { host: hostname, port: Number(port), ca: sample.pem, maxVersion: 'TLSv1.2', ...person } as const
  const socket = connect(options)
  await within(once(socket, 'secureConnect'), 120_000, 'handshake')
  const again = new Promise<Error | null>((resolve) => {
    socket.once('error', resolve)
    socket.renegotiate({}, resolve)
  })
  assert.match((await within(again, 120_000, 'renegotiation'))?.message ?? '', 'no renegotiation')
  socket.destroy()
})

test('once the certificate is revoked, the session that it began is over', async () => {
  const { session } = (await answered(sample, person)).json
  assert.is(await error({ bearer: session }), undefined)
  await sample.revoke()
  assert.is(await error({ bearer: session }), 'revoked')
})

test.run()
