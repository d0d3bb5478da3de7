// takes: 15 s
// A request that a CA may have: its number is never lost, and no repetition hands in a second one, whatever goes wrong.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  abandonEnrollment,
  type CaProtocol,
  certsrvProtocol,
  type EnrollOptions,
  estProtocol,
  pendingEnrollment,
} from '../../src/enroll/index.ts'
import { CaError, type ErrorCode } from '../../src/errors.ts'
import { startLab } from '../lab-ca/support.ts'
import { refused } from '../library/refusal.ts'
import { type Answer, address, scripted } from './protocols-support.ts'
import { ca, card, enrolled, everything, go, home, openedAgain, placesOfKeys } from './support/work.ts'

const lab = await startLab()
const server = await scripted(await lab.registration.authority.serverIdentity(['127.0.0.1']))
test.after(async () => {
  await Promise.all([lab.close(), server.close()])
})

const at = address(lab, { url: server.url, timeout: 30_000 })
const certsrv = (options: Partial<EnrollOptions> = {}) =>
  go({ ca: certsrvProtocol(at), template: 'SmartcardUser', ...options })
const est = (options: Partial<EnrollOptions> = {}) => go({ ca: estProtocol(at), ...options })
/** The requests that came, each as its octets were sent. */
const posted = () => server.seen.filter(({ method }) => method === 'POST').map(({ body }) => body)
const step = async () => (await pendingEnrollment(card, '9a', { home }))?.step
const page = (body: string): Answer => {
  return (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(body)
}
const PENDING = '<P ID=locInfoReqID> 25 </P>'

test.before.each(() => void server.seen.splice(0))

/** What a CA, or something before it, answers instead of an answer. */
const LOST: ReadonlyArray<readonly [what: string, Answer]> = [
  ['the connection broke off', (_, __, message) => message.socket.destroy()],
  [
    'the answer is cut short',
    (response, _, message) => {
      response.writeHead(200, { 'Content-Length': '1000' }).write('<P')
      message.socket.end()
    },
  ],
  ['HTTP 500', (response) => response.writeHead(500).end()],
  ['HTTP 500 with words', (response) => response.writeHead(500, { 'Content-Type': 'text/plain' }).end('Out. Of order')],
  ['HTTP 502', (response) => response.writeHead(502).end()],
  ['HTTP 504', (response) => response.writeHead(504).end()],
  ['sent on with 303', (response) => response.writeHead(303, { Location: '/certsrv/x' }).end()],
  ['another page', page('<p>Welcome</p>')],
]

for (const [what, answer] of LOST) {
  test(`certsrv, ${what}: the request is not handed in again before it is given up`, async () => {
    const before = await everything()
    server.answer = answer
    for (let times = 0; times < 2; times += 1) {
      const error = await refused('ERR_CA_ANSWER_LOST', 10, () => certsrv())
      assert.match(error.message, 'tessera enroll 9a --abandon')
      // What the failed call advises does not go together with what is to be done now.
      assert.not.match(error.message, /check its address|check the address|later/i)
      await openedAgain()
    }
    await refused('ERR_USAGE', 2, () => certsrv({ subject: 'CN=Another' }))
    assert.is(posted().length, 1)
    assert.is((await abandonEnrollment(card, '9a', { home }))?.step, 'sent')
    assert.equal(await everything(), before)
    server.answer = page(PENDING)
    assert.is((await certsrv()).state, 'pending')
    assert.is(posted().length, 2)
  })
}

/** Answers that show that the CA has not accepted the request, and what the next call then does. */
const UNACCEPTED: ReadonlyArray<readonly [status: number, ErrorCode, exit: number]> = [
  [401, 'ERR_CA_LOGIN', 10],
  [403, 'ERR_CA_REFUSED', 10],
  [404, 'ERR_CA_ANSWER', 10],
  [302, 'ERR_CA_ANSWER', 10],
  [429, 'ERR_CA_UNAVAILABLE', 1],
  [503, 'ERR_CA_UNAVAILABLE', 1],
]
for (const [status, code, exit] of UNACCEPTED) {
  test(`certsrv, HTTP ${status} to a request: it was not accepted, and the next call hands it in`, async () => {
    server.answer = (response) => response.writeHead(status, { Location: `${server.url}/x` }).end()
    await refused(code, exit, () => certsrv())
    server.answer = page(PENDING)
    assert.is((await certsrv()).state, 'pending')
    assert.is(posted().length, 2)
  })
}

/** What comes of a request that is sent on with 307: it was not accepted where it came first. */
const SENT_ON: ReadonlyArray<readonly [what: string, posts: number, code: ErrorCode, exit: number, Answer]> = [
  [
    'in a circle',
    4,
    'ERR_CA_ANSWER',
    10,
    (response, { url }) => response.writeHead(307, { Location: url, Connection: 'close' }).end(),
  ],
  [
    'where nobody is reached',
    1,
    'ERR_CA_UNAVAILABLE',
    1,
    (response, { url }) => {
      server.hangUp()
      response.writeHead(307, { Location: url, Connection: 'close' }).end()
    },
  ],
]
for (const [what, posts, code, exit, answer] of SENT_ON) {
  test(`certsrv, sent on ${what}: the request was not accepted, and the next call hands it in`, async () => {
    server.answer = answer
    await refused(code, exit, () => certsrv())
    assert.equal([posted().length, await step()], [posts, 'requested'])
    server.answer = page(PENDING)
    assert.is((await certsrv()).state, 'pending')
    assert.is(posted().length, posts + 1)
  })
}

test('certsrv, sent on with 307 and then broken off: the CA may have it', async () => {
  server.answer = (response, { url }, message) => {
    if (posted().length > 1) message.socket.destroy()
    else response.writeHead(307, { Location: url, Connection: 'close' }).end()
  }
  await refused('ERR_CA_ANSWER_LOST', 10, () => certsrv())
  assert.is(await step(), 'sent')
})

test('certsrv, nobody there: nothing was handed in, and the next call does it', async () => {
  const nobody = { ...certsrvProtocol({ ...at, url: 'https://127.0.0.1:1' }), name: certsrvProtocol(at).name }
  await refused('ERR_CA_UNAVAILABLE', 1, () => certsrv({ ca: nobody }))
  assert.is(await step(), 'requested')
  server.answer = page(PENDING)
  assert.is((await certsrv()).state, 'pending')
})

test('certsrv: a call that ends while the CA has the request leaves a note of it', async () => {
  const stop = new AbortController()
  server.answer = () => stop.abort()
  const error = await certsrv({ signal: stop.signal }).catch((reason: unknown) => reason)
  assert.is((error as Error).name, 'AbortError')
  assert.is(await step(), 'sent')
  await refused('ERR_CA_ANSWER_LOST', 10, () => certsrv())
  assert.is(posted().length, 1)
})

for (const status of [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503]) {
  test(`HTTP ${status} while the CA is asked about a request: certsrv keeps the number, EST the request`, async () => {
    server.answer = page(PENDING)
    const first = await certsrv()
    assert.is(first.state, 'pending')
    server.answer = (response) => response.writeHead(status).end()
    for (let times = 0; times < 2; times += 1) {
      const error = await certsrv().catch((reason: unknown) => reason)
      assert.instance(error, CaError)
      if ((error as CaError).code === 'ERR_CA_REFUSED') assert.match((error as CaError).message, 'Request 25 is kept')
    }
    server.answer = page('<DT ID=locDispLabel>x</DT><DD>\n5 -\n</DD>')
    const then = await certsrv()
    assert.equal(then.state === 'pending' && then.id, '25')
    assert.is(posted().length, 1)

    await abandonEnrollment(card, '9a', { home })
    server.seen.splice(0)
    server.answer = (response) => response.writeHead(202).end()
    assert.is((await est()).state, 'pending')
    server.answer = (response) => response.writeHead(status).end()
    assert.instance(await est().catch((reason: unknown) => reason), CaError)
    assert.is(await step(), 'pending')
    server.answer = (response) => response.writeHead(202).end()
    await est()
    assert.is(new Set(posted()).size, 1, 'the same request each time')
  })
}

test('certsrv: issued, and then refused with a status: the number stays', async () => {
  server.answer = (response, { method }) => {
    if (method === 'POST') page('certnew.cer?ReqID=12&')(response, server.seen[0] as never, undefined as never)
    else response.writeHead(403).end()
  }
  assert.match((await refused('ERR_CA_REFUSED', 10, () => certsrv())).message, 'Request 12 is kept')
  await refused('ERR_CA_REFUSED', 10, () => certsrv())
  assert.equal(
    server.seen.map(({ url }) => url.split('?')[0]),
    ['certfnsh.asp', 'certnew.cer', 'certnew.cer'].map((name) => `/certsrv/${name}`),
  )
})

test('certsrv: denied by the CA: over, and the same key asks again', async () => {
  server.answer = page(PENDING)
  await certsrv()
  const before = await everything()
  server.answer = page('<DT ID=locDispLabel>x</DT><DD>\n2 -\n</DD>')
  assert.match((await refused('ERR_CA_REFUSED', 10, () => certsrv())).message, 'refused request 25')
  assert.is(await step(), undefined)
  server.answer = page(PENDING)
  assert.is((await certsrv()).state, 'pending')
  assert.equal(await everything(), before)
})

test('EST: after an answer was lost, the very same request is handed in again', async () => {
  server.answer = (_, __, message) => message.socket.destroy()
  await refused('ERR_CA_UNAVAILABLE', 1, () => est())
  assert.is(await step(), 'sent')
  await refused('ERR_USAGE', 2, () => est({ subject: 'CN=Another' }))
  server.answer = (response) => response.writeHead(400).end()
  assert.match((await refused('ERR_CA_REFUSED', 10, () => est())).message, 'The request is kept')
  server.answer = (response) => response.writeHead(202).end()
  assert.is((await est()).state, 'pending')
  const [first, ...others] = posted()
  assert.equal(others, [first, first])
})

test('a CA that gets the same request twice answers it again', async () => {
  ca.plan = ['lost']
  await refused('ERR_CA_UNAVAILABLE', 1, () => go())
  await openedAgain()
  await enrolled()
  assert.equal([ca.submitted.length, ca.recovered, ca.fetched], [1, 1, 0])
  assert.equal(await placesOfKeys(), ['9a'])
})

test('a number that cannot be written down is in the error', async () => {
  const numbered: CaProtocol = {
    name: ca.name,
    cacerts: ca.cacerts,
    fetch: ca.fetch,
    async submit(_, options) {
      await options?.sending?.()
      await options?.taken?.({ id: '25', retryAfter: -1 })
      return { pending: { id: '25' } }
    },
  }
  const error = await refused('ERR_CA_ANSWER_LOST', 10, () => go({ ca: numbered }))
  assert.match(error.message, 'Its number there is 25.')
  assert.is(await step(), 'sent')
})

test.run()
