// takes: 5 s
// Being signed in: calls to the one service, and the ways in which it ends.
import { once } from 'node:events'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openCard } from '../../src/index.ts'
import { accounts, forget, type Session, signIn } from '../../src/signin/index.ts'
import { gate, within } from '../support/temp.ts'
import { channelOf, type Forged, forgedService, serverIdentity } from './forged.ts'
import { ALICE, PIN, refusedWith, startWorld } from './support.ts'

const { home, service } = await startWorld()

const JSON_ONLY = { headers: { Accept: 'application/json' } }
const at = (place: { readonly url: string; readonly ca: string }) => ({ service: place.url, ca: place.ca })
const signedIn = (method: 'certificate' | 'challenge', place: { url: string; ca: string } = service) =>
  signIn({ address: ALICE, ...at(place), method, pin: PIN, home })

const said = (answer: Response) => answer.json() as Promise<Record<string, string>>

/** How a session ends by itself. */
async function ending(session: Session): Promise<string> {
  const { reason } = await within(session.ended, 120_000, 'the session does not end')
  const [account] = await accounts({ home })
  assert.ok(account && 'address' in account)
  assert.equal([account.signedIn, account.ended?.reason], [undefined, reason])
  return reason
}

for (const method of ['certificate', 'challenge'] as const) {
  test(`${method}: calls go to the service, with what they carry, and nowhere else`, async () => {
    const session = await signedIn(method)
    const told = once(session, 'ended')
    for (const path of ['https://127.0.0.1:1/', '//elsewhere/', 'http://127.0.0.1/'])
      await refusedWith('ERR_USAGE', session.fetch(path))
    const body = JSON.stringify({ address: ALICE })
    const headers = { ...JSON_ONLY.headers, 'Content-Type': 'application/json', Authorization: 'Bearer nobody' }
    const answer = await session.fetch('/challenge', { method: 'POST', body, headers })
    assert.equal([answer.status, (await said(answer)).audience], [200, service.url])
    const lost = await session.fetch('/nowhere?x=1', JSON_ONLY)
    assert.equal([lost.status, (await said(lost)).error], [404, 'not-found'])
    const many = await Promise.all(Array.from({ length: 8 }, () => session.fetch('/session', JSON_ONLY)))
    assert.ok(many.every(({ status }) => status === 200))
    await Promise.all(many.map((one) => one.arrayBuffer()))
    await session.signOut()
    assert.equal(await told, [{ reason: 'signed-out', told: true }])
    assert.equal(await session.signOut(), { reason: 'signed-out', told: true }, 'once more is the same')
  })
}

test('the card is locked when the session is over, also one that stays open', async () => {
  const card = await openCard({ name: 'work', home })
  for (const method of ['certificate', 'challenge'] as const) {
    const session = await signIn({ address: ALICE, ...at(service), card, method, pin: PIN, home })
    assert.is((await card.pinStatus()).verified, method === 'certificate')
    await session.signOut()
    assert.is((await card.pinStatus()).verified, false)
  }
  await card.close()
})

test('the service signs out', async () => {
  const session = await signedIn('challenge')
  assert.is((await session.fetch('/session', { ...JSON_ONLY, method: 'DELETE' })).status, 204)
  const answer = await session.fetch('/session', JSON_ONLY)
  assert.equal([answer.status, (await said(answer)).error], [401, 'signed-out'])
  assert.is(await ending(session), 'service')
})

test('the service starts anew: who has a session of it is out, who shows a certificate goes on', async () => {
  const byChallenge = await signedIn('challenge')
  await service.restart()
  assert.is((await byChallenge.fetch('/session', JSON_ONLY)).status, 401)
  assert.is(await ending(byChallenge), 'service')
  const byCertificate = await signedIn('certificate')
  await service.restart()
  assert.is((await byCertificate.fetch('/session', JSON_ONLY)).status, 200)
  await service.stop()
  await refusedWith('ERR_SERVICE_UNAVAILABLE', byCertificate.fetch('/'))
  assert.equal(await byCertificate.signOut(), { reason: 'signed-out', told: false })
  await service.restart()
})

test('a new connection wants the card, and the card its PIN: nobody is asked, and the session is over', async () => {
  const session = await signedIn('certificate')
  await session.card.lock()
  await service.restart()
  await refusedWith('ERR_PIN_REQUIRED', session.fetch('/session', JSON_ONLY))
  assert.is(await ending(session), 'expired')
})

/** A service that lets alice in, for so long. */
const letting =
  (ms: number, more: object = {}) =>
  (call: string) => {
    const expires = new Date(Date.now() + ms).toISOString()
    if (call === 'DELETE /session') return {}
    return { user: 'alice', address: ALICE, expires, ...more }
  }

test('its time is over', async () => {
  const short = await forgedService(letting(2000))
  assert.is(await ending(await signedIn('certificate', short)), 'expired')
  assert.ok(short.calls.includes('DELETE /session'))
  await short.close()
})

test('its time is over while the machine sleeps', async () => {
  const days = 24 * 60 * 60_000
  const long = await forgedService(letting(30 * days))
  const session = await signedIn('certificate', long)
  const { now } = Date
  Date.now = () => now() + 31 * days
  try {
    await refusedWith('ERR_SIGNED_OUT', session.fetch('/'))
  } finally {
    Date.now = now
  }
  assert.is(await ending(session), 'expired')
  await long.close()
})

test('answers that are none', async () => {
  const answers: readonly unknown[] = [
    {},
    [],
    'alice',
    { user: 'alice', address: ALICE, expires: 'tomorrow' },
    { user: 'a\u001b[2J', address: ALICE, expires: new Date().toISOString() },
    { user: 'x'.repeat(100_000), address: ALICE, expires: new Date().toISOString() },
    { error: 'NOT A CODE' },
    { user: 'alice', address: ALICE, expires: new Date(Date.now() - 1000).toISOString() },
  ]
  for (const answer of answers) {
    const odd = await forgedService(() => answer)
    await refusedWith('ERR_SERVICE_ANSWER', signedIn('certificate', odd))
    await odd.close()
  }
  const rude = await forgedService(() => ({ error: 'unknown-user', message: 'no\u001b[2J\nwho?' }))
  const { message } = await refusedWith('ERR_SIGN_IN_REFUSED', signedIn('certificate', rude))
  assert.match(message, '(unknown-user: no [2J who?)')
  await rude.close()
})

const minute = () => new Date(Date.now() + 60_000).toISOString()
const NONCE = Buffer.alloc(32, 7).toString('base64url')

test('a challenge: what is signed names the service, the connection and the address', async () => {
  const good = await forgedService((call, _message, _response, url) =>
    call === 'POST /challenge'
      ? { nonce: NONCE, audience: url, expires: minute() }
      : letting(60_000, { session: 's'.repeat(43) })(call),
  )
  await (await signedIn('challenge', good)).signOut()
  const { token } = JSON.parse(good.bodies[good.calls.indexOf('POST /session')] ?? '')
  const [header, payload] = token
    .split('.', 2)
    .map((part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()))
  assert.equal([header.alg, header.typ, header.x5c.length], ['ES256', 'tessera-signin+jwt', 2])
  const { iat, exp, ...said } = payload
  assert.equal(said, {
    aud: good.url,
    nonce: NONCE,
    sub: ALICE,
    channel: { type: 'tls-server-end-point', value: channelOf(good.ca) },
  })
  assert.is(exp - iat, 60)
  await good.close()
})

test('a challenge that is for another service, or for ever, or none, is not signed', async () => {
  const bad: ReadonlyArray<(url: string) => unknown> = [
    () => ({ nonce: NONCE, audience: service.url, expires: minute() }),
    (url) => ({ nonce: NONCE, audience: `${url}/`, expires: minute() }),
    (url) => ({ nonce: NONCE, audience: url, expires: '2099-01-01T00:00:00.000Z' }),
    (url) => ({ nonce: NONCE, audience: url, expires: '2001-01-01T00:00:00.000Z' }),
    (url) => ({ nonce: 'short', audience: url, expires: minute() }),
    (url) => ({ nonce: `${NONCE}=`, audience: url, expires: minute() }),
  ]
  for (const challenge of bad) {
    const middle = await forgedService((_call, _message, _response, url) => challenge(url))
    await refusedWith('ERR_SERVICE_ANSWER', signedIn('challenge', middle))
    assert.not(middle.calls.includes('POST /session'))
    await middle.close()
  }
})

test('what was signed for one connection goes to no other server', async () => {
  const [real, other] = [serverIdentity(), serverIdentity()]
  const closed = gate()
  let second: Forged | undefined
  const first = await forgedService((call, _message, response, url) => {
    if (call !== 'POST /challenge') return undefined
    response.setHeader('Connection', 'close')
    response.once('close', () => closed.open())
    return { nonce: NONCE, audience: url, expires: minute() }
  }, real)
  const card = await openCard({ name: 'work', home })
  // While the card signs, somebody else takes the place of the service, whose certificate is believed too.
  const signing = card.sign.bind(card)
  Object.defineProperty(card, 'sign', {
    async value(...args: Parameters<typeof signing>) {
      const signature = await signing(...args)
      await within(closed.promise, 120_000, 'the first connection')
      await first.close()
      const port = Number(new URL(first.url).port)
      second = await forgedService(letting(60_000, { session: 's'.repeat(43) }), other, port)
      return signature
    },
  })
  const ca = first.ca + other.cert
  const both = signIn({ address: ALICE, service: first.url, ca, card, method: 'challenge', pin: PIN, home })
  await refusedWith('ERR_SERVICE_UNTRUSTED', both)
  assert.equal(second?.calls, [])
  await second?.close()
  await card.close()
})

test('forgotten while signed in by this very program: it is told to sign out itself', async () => {
  const session = await signedIn('challenge')
  const error = await refusedWith('ERR_SIGNED_IN', forget(ALICE, { home }))
  assert.match(error.message, `is signed in as ${ALICE}, in another program: sign out there.`)
  await session.signOut()
  await forget(ALICE, { home })
})

test.run()
