// takes: 5 s
// The list of revoked certificates: verified, fetched anew, and nobody is let in without one.
import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startLab } from '../lab-ca/support.ts'
import { type Authority, issue, list, newAuthority, write } from './issue.ts'
import { ask, type Person, type Sample, startSample } from './support.ts'

const MINUTE = 60_000
const lab = await startLab()
const own: Authority = { certificate: lab.certificateFile, key: lab.directory.keyFile }

const good = list(own)

/** What is answered at the place where certificates say that the list is: octets, a status, or no end of it. */
type Answer = Uint8Array | number | 'endless'
const web: { answer: Answer; calls: number } = { answer: 404, calls: 0 }
const server = createServer(({ url }, response) => {
  web.calls += 1
  if (url === '/other') return void response.end(good)
  if (web.answer === 'endless') return void response.write(new Uint8Array(2 * 1024 * 1024))
  if (web.answer === 302) response.setHeader('Location', '/other')
  if (typeof web.answer === 'number') response.writeHead(web.answer).end()
  else response.end(web.answer)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}/list`
const person = issue(own, place)
const serial = new X509Certificate(person.cert).serialNumber
test.after(async () => {
  server.close()
  server.closeAllConnections()
  await lab.close()
})

const said = async (sample: Sample, who: Person = person): Promise<string | undefined> =>
  (await ask(sample, '/session', { person: who })).json.error

/** A service of its own, with a clock that `work` sets forward. */
async function withService(work: (sample: Sample, wait: (ms: number) => void) => Promise<void>, crl?: string) {
  let shift = 0
  const sample = await startSample({ crl, now: () => Date.now() + shift }, lab)
  web.calls = 0
  try {
    await work(sample, (ms) => {
      shift += ms
    })
  } finally {
    await sample.close()
  }
}

test('it is fetched where the certificate says, used for a minute, and fetched anew', () =>
  withService(async (sample, wait) => {
    web.answer = list(own, { revoked: ['ABCDEF'] })
    for (let count = 0; count < 3; count += 1) assert.is(await said(sample), undefined)
    assert.is(web.calls, 1)
    web.answer = list(own, { revoked: ['ABCDEF', serial], thisUpdate: Date.now() })
    wait(59_000)
    assert.is(await said(sample), undefined)
    wait(2000)
    assert.equal(await Promise.all([said(sample), said(sample), said(sample)]), Array(3).fill('revoked'))
    assert.is(web.calls, 2)
  }))

test('where it cannot be fetched anew the last one is used, for ten minutes', () =>
  withService(async (sample, wait) => {
    web.answer = list(own)
    assert.is(await said(sample), undefined)
    web.answer = 500
    wait(9 * MINUTE)
    assert.is(await said(sample), undefined)
    wait(2 * MINUTE)
    assert.is(await said(sample), 'revocation-unknown')
    web.answer = list(own)
    assert.is(await said(sample), undefined)
  }))

test('never past its own end', () =>
  withService(async (sample, wait) => {
    web.answer = list(own, { nextUpdate: Date.now() + MINUTE / 2 })
    assert.is(await said(sample), undefined)
    web.answer = 500
    wait(MINUTE / 2)
    assert.is(await said(sample), 'revocation-unknown')
  }))

test('one that is older than the last is not taken: somebody was revoked in between', () =>
  withService(async (sample, wait) => {
    const before = list(own, { thisUpdate: Date.now() - MINUTE })
    web.answer = list(own, { revoked: [serial], thisUpdate: Date.now() })
    assert.is(await said(sample), 'revoked')
    web.answer = before
    wait(2 * MINUTE)
    assert.is(await said(sample), 'revoked')
    assert.match(sample.lines.at(-1) ?? '', 'revoked')
  }))

const subject = new X509Certificate(lab.pem).subject.split('\n').join(', ')
/** Answers without which nobody is let in, and what is written down. */
const BAD: Readonly<Record<string, readonly [answer: Answer, words: string | RegExp]>> = {
  'is not there': [404, 'answers 404'],
  'is somewhere else': [302, 'failed'],
  'is empty': [new Uint8Array(0), ''],
  'is none': [Uint8Array.from({ length: 300 }, (_, at) => at), ''],
  'is cut off': [good.subarray(0, good.length - 10), ''],
  'is damaged': [
    Uint8Array.from(good, (octet, at) => (at === good.length - 5 ? octet ^ 1 : octet)),
    'signature of the list',
  ],
  'is of another CA': [list(newAuthority('CN=other')), 'of another CA'],
  'is of another CA of the same names': [list(newAuthority(subject)), /of another CA|signature of the list/],
  'has expired': [list(own, { thisUpdate: Date.now() - 2 * MINUTE, nextUpdate: Date.now() - MINUTE }), 'has expired'],
  'is of tomorrow': [
    list(own, { thisUpdate: Date.now() + MINUTE, nextUpdate: Date.now() + 2 * MINUTE }),
    'not valid yet',
  ],
  'is for some certificates only': [
    list(own, { extensions: ['issuingDistributionPoint = critical, @part', '[part]', 'onlyuser = TRUE'] }),
    'a part of the certificates',
  ],
  'does not end': ['endless', 'more than 1048576 octets'],
  'is too long': [new Uint8Array(1024 * 1024 + 1), 'more than 1048576 octets'],
}

for (const [name, [answer, words]] of Object.entries(BAD)) {
  test(`a list that ${name}: nobody is let in`, () =>
    withService(async (sample) => {
      web.answer = answer
      const { status, json } = await ask(sample, '/session', { person })
      assert.equal([status, json.error], [503, 'revocation-unknown'])
      assert.match(sample.lines.join('\n'), words)
      web.answer = good
      assert.is(await said(sample), undefined)
    }))
}

test('a certificate that names no list, or one that is not of http', () =>
  withService(async (sample) => {
    for (const crlDistributionPoints of [undefined, `URI:${write(good)}`, `URI:file://${write(good)}`]) {
      const extensions = { crlDistributionPoints }
      assert.is(await said(sample, issue(own, place, { extensions })), 'revocation-unknown')
    }
    assert.is(web.calls, 0)
  }))

test('nobody but the CA says where to fetch from', () =>
  withService(async (sample) => {
    assert.is(await said(sample, issue(newAuthority(subject), place)), 'untrusted')
    assert.is(web.calls, 0)
  }))

test('--crl, a file: in place of what the certificate says, and read anew', async () => {
  const path = write(list(own))
  await withService(async (sample, wait) => {
    assert.is(await said(sample), undefined)
    write(list(own, { revoked: [serial], thisUpdate: Date.now() }), path)
    wait(2 * MINUTE)
    assert.is(await said(sample), 'revoked')
    assert.is(web.calls, 0)
  }, path)
  await withService(async (sample) => {
    assert.is(await said(sample), 'revocation-unknown')
  }, `${path}-missing`)
})

test.run()
