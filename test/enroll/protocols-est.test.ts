// takes: 8 s
// The client of EST against the laboratory CA, and against servers that answer as no CA should.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import type { CaAnswer, Issued } from '../../src/enroll/protocol.ts'
import { estProtocol } from '../../src/enroll/protocols/est.ts'
import { CaError, UsageError } from '../../src/errors.ts'
import { tlv } from '../../src/iso7816/tlv.ts'
import { writeCertsOnly } from '../../src/x509/certs-only.ts'
import { FUZZ_SECONDS, fuzzCase } from '../fuzz/harness.ts'
import { base64, makeKey, makeRequest, pemFile, startLab } from '../lab-ca/support.ts'
import { seeded } from '../support/random.ts'
import { address, caError, login, scripted } from './protocols-support.ts'

const lab = await startLab()
const waiting = await startLab({ pending: true })
const server = await scripted(await lab.registration.authority.serverIdentity(['127.0.0.1']))
test.after(async () => {
  await Promise.all([lab.close(), waiting.close(), server.close()])
})

const isIssued = (answer: CaAnswer): answer is Issued => 'certificate' in answer
const est = (more: Parameters<typeof address>[1] = {}) => estProtocol(address(lab, more))
/** A client of the server that answers as the test says. */
const there = estProtocol(address(lab, { url: server.url }))
const request = makeRequest()
const stranger = makeRequest()

async function issued(octets: Uint8Array): Promise<Uint8Array> {
  const answer = await est().submit(octets)
  assert.ok(isIssued(answer))
  return answer.certificate
}
const own = await issued(request)
const theirs = await issued(stranger)

const PKCS7 = 'application/pkcs7-mime; smime-type=certs-only'
const say = (status: number, type: string, body: string | Uint8Array, headers: Record<string, string> = {}) => {
  server.answer = (response) => response.writeHead(status, { 'Content-Type': type, ...headers }).end(body)
}

test('cacerts without a login, csrattrs, and what it is called', async () => {
  const client = estProtocol({ url: `${lab.url}/`, ca: lab.pem })
  assert.is(client.name, `EST ${lab.url}/.well-known/est`)
  assert.equal(await client.cacerts(), [lab.registration.authority.certificate])
  assert.equal(await client.csrattrs(), ['1.2.840.10045.2.1', '1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3'])
})

test('a certificate for a request, of the usual template and of another one', async () => {
  const answer = await est().submit(makeRequest(), { template: 'smartcard-logon' })
  assert.ok(isIssued(answer))
  assert.is(new X509Certificate(answer.certificate).subject, 'CN=alice')
  assert.is((await lab.registration.entries()).at(-1)?.template, 'SmartcardLogon')
  const byLabel = await estProtocol(address(lab, { url: `${lab.url}/.well-known/est/smartcard-logon` })).submit(
    makeRequest(),
  )
  assert.ok(isIssued(byLabel))
  assert.is((await lab.registration.entries()).at(-1)?.template, 'SmartcardLogon')
  await caError('ERR_CA_REFUSED', est().submit(makeRequest(), { template: 'User' }))
})

test('pending, asked again by another client, approved', async () => {
  const octets = makeRequest()
  const first = await estProtocol(address(waiting)).submit(octets)
  assert.ok('pending' in first)
  assert.is(first.pending.retryAfter, 2)
  const kept = JSON.parse(JSON.stringify(first.pending))
  const later = estProtocol(address(waiting))
  assert.ok('pending' in (await later.fetch(kept, octets)))
  await waiting.registration.approve(1)
  assert.ok(isIssued(await later.fetch(kept, octets)))
  assert.is((await waiting.registration.entries()).length, 1)
  const other = await later.fetch(kept, makeRequest()).catch((error: unknown) => error)
  assert.instance(other, UsageError)
})

test('pending, then denied: the words of the CA', async () => {
  const octets = makeRequest()
  const client = estProtocol(address(waiting))
  const answer = await client.submit(octets)
  assert.ok('pending' in answer)
  await waiting.registration.deny(2, 'Not for you.')
  const error = await caError('ERR_CA_REFUSED', client.fetch(answer.pending, octets))
  assert.match(error.words ?? '', 'Not for you.')
  assert.match(error.message, '"Not for you.')
  assert.is(error.status, 403)
})

test('renewal: by a certificate and its key, and by a password', async () => {
  const key = makeKey()
  const certificate = await issued(makeRequest({ key }))
  const pem = readFileSync(pemFile(certificate), 'utf8')
  const client = estProtocol(address(lab, { credentials: { certificate: pem, key: readFileSync(key, 'utf8') } }))
  assert.ok(isIssued(await client.submit(makeRequest(), { renewal: true })))
  assert.ok(isIssued(await est().submit(makeRequest(), { renewal: true })))
  const error = await caError(
    'ERR_CA_REFUSED',
    est().submit(makeRequest({ subject: '/CN=somebody' }), { renewal: true }),
  )
  assert.match(error.words ?? '', 'CN=alice')
  const none = await caError(
    'ERR_CA_REFUSED',
    est({ credentials: login('bob') }).submit(makeRequest({ subject: '/CN=bob' }), { renewal: true }),
  )
  assert.match(none.words ?? '', 'no certificate that is valid')
})

test('logins that are missing or wrong', async () => {
  await caError('ERR_CA_LOGIN', estProtocol({ url: lab.url, ca: lab.pem }).submit(request))
  const wrong = { user: 'alice', password: utf8('wrong horse') }
  const error = await caError('ERR_CA_LOGIN', est({ credentials: wrong }).submit(request))
  assert.is(error.status, 401)
  assert.not.match(error.message, 'wrong horse')
  const foreign = { certificate: lab.pem, key: readFileSync(makeKey(), 'utf8') }
  assert.throws(
    () => est({ credentials: foreign }),
    (reason: unknown) => reason instanceof UsageError,
  )
})

test('the CA is refused what it may not: its words are quoted', async () => {
  const asked = makeRequest({ extensions: ['subjectAltName = email:bob@mail.example'] })
  const error = await caError('ERR_CA_REFUSED', est().submit(asked))
  assert.match(error.message, 'the e-mail address "bob@mail.example"')
})

test('addresses that are none', () => {
  for (const url of [
    '',
    'ca.example',
    'http://ca.example',
    'ftp://x',
    'https://a:b@ca.example',
    'https://',
    `${lab.url}/.well-known/est/simpleenroll`,
  ]) {
    const make = () => estProtocol({ url })
    assert.throws(make, (error: unknown) => error instanceof UsageError && !error.message.includes('a:b'), url)
  }
  assert.throws(() => estProtocol({ url: lab.url, ca: 'no PEM' }))
})

test('labels: one, which is not called like an operation', async () => {
  const labelled = estProtocol(address(lab, { url: `${lab.url}/.well-known/est/smartcard-logon/` }))
  assert.is(labelled.name, `EST ${lab.url}/.well-known/est/smartcard-logon`)
  assert.ok(isIssued(await labelled.submit(makeRequest(), { template: 'smartcard-logon' })))
  const usage = async (work: Promise<unknown>) =>
    assert.instance(await work.catch((reason: unknown) => reason), UsageError)
  await usage(labelled.submit(request, { template: 'smartcard-user' }))
  await usage(est().submit(request, { template: 'simpleenroll' }))
  await usage(est().submit(request, { template: '' }))
  assert.is(estProtocol({ url: `${lab.url}/pki` }).name, `EST ${lab.url}/pki/.well-known/est`)
})

test('no request is sent that is none', async () => {
  const before = server.seen.length
  for (const octets of [new Uint8Array(0), utf8('hello'), own]) {
    const error = await there.submit(octets).catch((reason: unknown) => reason)
    assert.instance(error, UsageError)
  }
  assert.is(server.seen.length, before)
})

test('what is sent: base 64, its type, and who asks', async () => {
  say(200, PKCS7, base64(writeCertsOnly([own])))
  await there.submit(request)
  const sent = server.seen.at(-1)
  assert.ok(sent)
  const { method, url, headers, body } = sent
  assert.equal([method, url], ['POST', '/.well-known/est/simpleenroll'])
  assert.is(headers['content-type'], 'application/pkcs10')
  assert.is(headers['accept-encoding'], 'identity')
  assert.is(headers.authorization, `Basic ${Buffer.from('alice:correct horse').toString('base64')}`)
  assert.equal(Uint8Array.from(Buffer.from(body, 'base64')), request)
  await there.cacerts()
  assert.is(server.seen.at(-1)?.headers.authorization, undefined)
})

test('of more certificates than one, the one for the key; the others are the chain', async () => {
  const ca = lab.registration.authority.certificate
  say(200, PKCS7, base64(writeCertsOnly([ca, own, theirs])).replace(/.{60}/g, '$&\r\n '))
  const answer = await there.submit(request)
  assert.ok(isIssued(answer))
  assert.equal(answer.certificate, own)
  assert.equal(answer.chain, [ca, theirs])
})

const wrong: ReadonlyArray<readonly [what: string, type: string, body: string | Uint8Array]> = [
  ['for another key', PKCS7, base64(writeCertsOnly([theirs]))],
  ['of the CA alone', PKCS7, base64(writeCertsOnly([lab.registration.authority.certificate]))],
  ['without certificates', PKCS7, base64(Uint8Array.of(0x30, 0))],
  ['with something that is no certificate', PKCS7, base64(writeCertsOnly([tlv(0x30, own)]))],
  ['a certificate without envelope', PKCS7, base64(own)],
  ['in PEM', PKCS7, lab.pem],
  ['no base 64', PKCS7, '***'],
  ['empty', PKCS7, ''],
  ['as octets', PKCS7, writeCertsOnly([own])],
  ['a page', 'text/html', '<p>Welcome</p>'],
  ['of no type', '', base64(writeCertsOnly([own]))],
]
for (const [what, type, body] of wrong) {
  test(`an answer that cannot be used: ${what}`, async () => {
    say(200, type, body)
    await caError('ERR_CA_ANSWER', there.submit(request))
    if (typeof body === 'string' && !body.startsWith('MII')) await caError('ERR_CA_ANSWER', there.cacerts())
  })
}

test('malformed attributes; none wanted', async () => {
  for (const body of [base64(tlv(0x31)), base64(tlv(0x30, tlv(0x02))), base64(tlv(0x30, tlv(0x30))), 'x']) {
    say(200, 'application/csrattrs', body)
    await caError('ERR_CA_ANSWER', there.csrattrs())
  }
  for (const status of [204, 404]) {
    server.answer = (response) => response.writeHead(status).end()
    assert.equal(await there.csrattrs(), [])
  }
})

test('waiting: in seconds, until a date, or as long as nobody says', async () => {
  const inAnHour = new Date(Date.now() + 3_600_000).toUTCString()
  for (const [header, seconds] of [
    [{ 'Retry-After': '17' }, [17, 17]],
    [{ 'Retry-After': inAnHour }, [1800, 3601]],
    [{ 'Retry-After': new Date(0).toUTCString() }, [1, 1]],
    [{ 'Retry-After': '999999999' }, [604_800, 604_800]],
  ] as const) {
    say(202, 'text/plain', 'later', header)
    const answer = await there.submit(request)
    assert.ok('pending' in answer)
    const { retryAfter = 0 } = answer.pending
    assert.ok(retryAfter >= seconds[0] && retryAfter <= seconds[1], `${JSON.stringify(header)}: ${retryAfter}`)
  }
  for (const header of [{}, { 'Retry-After': 'soon' }]) {
    say(202, 'text/plain', 'later', header)
    const answer = await there.submit(request)
    assert.ok('pending' in answer && !('retryAfter' in answer.pending))
  }
})

test('envelopes damaged in every way: an answer for the key, or an error of its own', async () => {
  const random = seeded('est')
  const seeds = [writeCertsOnly([own]), writeCertsOnly([lab.registration.authority.certificate, own])]
  const [seed, until] = [random.next(), performance.now() + (FUZZ_SECONDS * 1000) / 2]
  let count = 0
  for (; performance.now() < until; count += 1) {
    const octets = fuzzCase(seeds, seed, count)
    say(200, PKCS7, base64(octets))
    const outcome = await there.submit(request).catch((error: unknown) => error)
    const right = outcome instanceof CaError && outcome.code === 'ERR_CA_ANSWER'
    assert.ok(right || isIssued(outcome as CaAnswer), `seed ${seed}, case ${count}: ${outcome} for ${base64(octets)}`)
  }
  console.log(`${count} envelopes`)
})

test.run()
