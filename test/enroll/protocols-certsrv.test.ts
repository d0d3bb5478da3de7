// takes: 8 s
// The client of Microsoft's web enrolment against the laboratory CA, and against pages that are none of its kind.
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type CaAnswer, type Issued, LONGEST_ANSWER } from '../../src/enroll/protocol.ts'
import { certsrvProtocol } from '../../src/enroll/protocols/certsrv.ts'
import { readFetched, readRenewals, readSubmitted } from '../../src/enroll/protocols/certsrv-page.ts'
import { type Kerberos, negotiate } from '../../src/enroll/protocols/negotiate.ts'
import { CaError, UsageError } from '../../src/errors.ts'
import { writeCertsOnly } from '../../src/x509/certs-only.ts'
import { FUZZ_SECONDS, fuzz } from '../fuzz/harness.ts'
import { makeRequest, startLab } from '../lab-ca/support.ts'
import { timed } from '../support/times.ts'
import { address, caError, login, scripted } from './protocols-support.ts'

const lab = await startLab()
const waiting = await startLab({ pending: true })
const server = await scripted(await lab.registration.authority.serverIdentity(['127.0.0.1']))
test.after(async () => {
  await Promise.all([lab.close(), waiting.close(), server.close()])
})

const USER = { template: 'SmartcardUser' }
const isIssued = (answer: CaAnswer): answer is Issued => 'certificate' in answer
/** The error of an answer that denies the request. */
function deniedBy(answer: CaAnswer): CaError {
  assert.ok('denied' in answer)
  assert.is(answer.denied.code, 'ERR_CA_REFUSED')
  return answer.denied
}
const certsrv = (more: Parameters<typeof address>[1] = {}) => certsrvProtocol(address(lab, more))
const there = certsrvProtocol(address(lab, { url: server.url }))
const request = makeRequest()
const first = await certsrv().submit(request, USER)
assert.ok(isIssued(first))
const own = first.certificate

/** Answers by the page that is asked for; what is not here is not there. */
function pages(answers: Readonly<Record<string, readonly [type: string, body: string | Uint8Array]>>): void {
  server.answer = (response, { url }) => {
    const found = Object.entries(answers).find(([name]) => url.startsWith(`/certsrv/${name}`))
    if (found === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'Content-Type': found[1][0] }).end(found[1][1])
  }
}
const HTML = 'text/html; charset=utf-8'
const CERTIFICATE = 'application/pkix-cert'
const CHAIN = 'application/x-pkcs7-certificates'
const submitted: readonly [string, string] = [HTML, '<A Href="certnew.cer?ReqID=12&amp;Enc=bin">']
const chain: readonly [string, Uint8Array] = [CHAIN, writeCertsOnly([own, lab.registration.authority.certificate])]

test('a certificate with its chain, at once', async () => {
  assert.is(new X509Certificate(own).subject, 'CN=alice')
  assert.equal(first.chain, [lab.registration.authority.certificate])
  assert.is(certsrv().name, `web enrolment ${lab.url}/certsrv`)
  assert.is(certsrv({ url: `${lab.url}/CertSrv/` }).name, `web enrolment ${lab.url}/certsrv`)
  assert.equal(await certsrv().cacerts(), [lab.registration.authority.certificate])
  const logon = await certsrv().submit(makeRequest(), { template: 'Smartcard logon' })
  assert.ok(isIssued(logon))
  assert.is((await lab.registration.entries()).at(-1)?.template, 'SmartcardLogon')
})

test('pending, asked again by another client, approved; another one denied', async () => {
  const [octets, other] = [makeRequest(), makeRequest()]
  const client = certsrvProtocol(address(waiting))
  const answer = await client.submit(octets, USER)
  assert.equal(answer, { pending: { id: '1' } })
  assert.equal(await client.submit(other, USER), { pending: { id: '2' } })
  const later = certsrvProtocol(address(waiting))
  assert.equal(await later.fetch({ id: '1' }, octets), { pending: { id: '1' } })
  await waiting.registration.approve(1)
  assert.ok(isIssued(await later.fetch({ id: '1' }, octets)))
  await waiting.registration.deny(2, 'Not for you')
  const error = deniedBy(await later.fetch({ id: '2' }, other))
  assert.is(error.words, 'Denied by the laboratory CA: Not for you')
  assert.match(error.message, 'refused request 2: "Denied')
  await caError('ERR_CA_ANSWER', later.fetch({ id: '1' }, other))
  await caError('ERR_CA_ANSWER', later.fetch({ id: '77' }, other))
  for (const id of ['', '0', '-1', '1&Enc=b64', 'x']) {
    assert.instance(await later.fetch({ id }, octets).catch((reason: unknown) => reason), UsageError)
  }
})

test('refused: template, names, login', async () => {
  const template = deniedBy(await certsrv().submit(makeRequest(), { template: 'User' }))
  assert.match(template.words ?? '', 'CERTSRV_E_UNSUPPORTED_CERT_TYPE')
  const names = makeRequest({ extensions: ['subjectAltName = email:bob@mail.example'] })
  assert.match(deniedBy(await certsrv().submit(names, USER)).message, 'bob@mail.example')
  await caError('ERR_CA_LOGIN', certsrvProtocol({ url: lab.url, ca: lab.pem }).submit(request, USER))
  await caError('ERR_CA_LOGIN', certsrvProtocol({ url: lab.url, ca: lab.pem }).cacerts())
  const bad = await certsrv()
    .submit(request, { template: 'x\r\nSAN:upn=a@b' })
    .catch((reason: unknown) => reason)
  assert.instance(bad, UsageError)
})

test('what is sent: a form as browsers send it', async () => {
  pages({ 'certfnsh.asp': submitted, 'certnew.cer': [CERTIFICATE, own], 'certnew.p7b': chain })
  await there.submit(request, USER)
  const [sent] = server.seen.slice(-3)
  assert.ok(sent)
  const form = new URLSearchParams(sent.body)
  assert.is(form.get('Mode'), 'newreq')
  assert.is(form.get('CertAttrib'), 'CertificateTemplate:SmartcardUser\r\n')
  assert.match(form.get('CertRequest') ?? '', /^-----BEGIN CERTIFICATE REQUEST-----\n/)
  assert.match(sent.headers['user-agent'] ?? '', 'Mozilla')
})

test('a certificate in base 64 that is called a page, as servers have been seen to do', async () => {
  const pem = new X509Certificate(own).toString()
  pages({ 'certfnsh.asp': submitted, 'certnew.cer': [HTML, pem], 'certnew.p7b': chain })
  const answer = await there.submit(request, USER)
  assert.ok(isIssued(answer))
  assert.equal(answer.certificate, own)
})

test('answers that cannot be used', async () => {
  const other = await certsrv().submit(makeRequest(), USER)
  assert.ok(isIssued(other))
  const good = { 'certfnsh.asp': submitted, 'certnew.cer': [CERTIFICATE, own] as const, 'certnew.p7b': chain }
  const wrong: ReadonlyArray<Parameters<typeof pages>[0]> = [
    { ...good, 'certfnsh.asp': [HTML, '<p>Welcome</p>'] },
    { ...good, 'certfnsh.asp': ['text/plain', 'certnew.cer?ReqID=12&'] },
    { ...good, 'certfnsh.asp': [HTML, ''] },
    {
      ...good,
      'certnew.cer': [CERTIFICATE, other.certificate],
      'certnew.p7b': [CHAIN, writeCertsOnly([other.certificate])],
    },
    { ...good, 'certnew.cer': [CERTIFICATE, own.subarray(0, 100)] },
    { ...good, 'certnew.cer': [HTML, 'Error'] },
    { ...good, 'certnew.p7b': [CHAIN, own] },
    { ...good, 'certnew.p7b': [HTML, 'Error'] },
  ]
  for (const answers of wrong) {
    pages(answers)
    await caError('ERR_CA_ANSWER', there.submit(request, USER))
  }
  pages({})
  await caError('ERR_CA_ANSWER', there.submit(request, USER))
  await caError('ERR_CA_ANSWER', there.cacerts())
})

const read: ReadonlyArray<readonly [what: string, html: string, page: ReturnType<typeof readSubmitted>]> = [
  ['issued', 'location="certnew.cer?ReqID=15&"+getEncoding();', { kind: 'issued', id: '15' }],
  ['pending', '<P ID=x>\nYour Request Id is 16.\n</P>', { kind: 'pending', id: '16' }],
  [
    'denied',
    'Your Request Id is 17. The disposition message is "Denied by Policy Module  0x80094800, no".',
    { kind: 'denied', words: 'Denied by Policy Module 0x80094800, no' },
  ],
  [
    'denied, with entities and tags',
    'The disposition message is "no &lt;b&gt; <br> &amp; more"',
    { kind: 'denied', words: 'no <b> & more' },
  ],
  [
    'denied, in another language',
    '<P ID=locDenied> Ihre Anforderung wurde verweigert. </P> certnew.cer?ReqID=18&',
    { kind: 'denied', words: '' },
  ],
  ...Object.entries({
    de: 'Die ID Ihrer Anforderung lautet: 25.',
    fr: 'Le num&#233;ro de la demande est 25.',
    ja: '要求 ID は 25 です。',
    'ja, in wide digits': '要求番号 ２５ です。',
    ru: 'Идентификатор запроса: 25.',
    ar: 'معرف الطلب هو <B>25</B>.',
  }).map(
    ([language, words]) =>
      [
        `pending, ${language}`,
        `<P ID=locPageTitle> <B> 2019 </B></P><P ID=locInfoNewReq> 3 </P>\n<P ID=locInfoReqID>\n${words}\n</P><P ID=locInstructions> 1 - 2 </P>`,
        { kind: 'pending', id: '25' },
      ] as const,
  ),
  ['pending, the mark in quotes', "<p id='locInfoReqID'>25</p>", { kind: 'pending', id: '25' }],
  [
    'denied, with its reason in another language',
    '<P ID=locInfoReqIDandReason> Die ID ist 26. Die Meldung lautet "Abgelehnt". </P>',
    { kind: 'denied', words: 'Die ID ist 26. Die Meldung lautet "Abgelehnt".' },
  ],
  ['revoked, in another language', '<P ID=locIssRev> x </P>', { kind: 'denied', words: '' }],
  [
    'not taken in at all',
    '<P ID=locReqFailed> x </P><DT ID=locDispMsgLabel><B>y:</B></DT><DD>\n<LocID ID=locDispMsgNone>(keine)</LocID>\n</DD><DT ID=locResultLabel>z</DT><DD>\n Falsche Daten. 0x8007000d \n</DD>',
    { kind: 'denied', words: 'Falsche Daten. 0x8007000d' },
  ],
  ['the number of another mark', '<P ID=locInfoReqIDs>25</P>', { kind: 'unknown' }],
  ['a mark without a number', '<P ID=locInfoReqID> x </P> 25', { kind: 'unknown' }],
  ['a number that is none', 'certnew.cer?ReqID=0&', { kind: 'unknown' }],
  ['a number too long', 'certnew.cer?ReqID=99999999999&', { kind: 'unknown' }],
]
for (const [what, html, page] of read) test(`read: ${what}`, () => assert.equal(readSubmitted(html), page))

const fetched: ReadonlyArray<readonly [what: string, html: string, kind: string]> = [
  [
    'by its number, whatever the language',
    '<DT ID=locDispLabel><B>Anordnung:</B></DT><DD>\n\t\t5 <LocID>-</LocID>',
    'pending',
  ],
  ['denied by its number', '<DT ID=locDispLabel><B>x</B></DT><DD>\n\t\t2 -\n</DD>', 'denied'],
  ['by its words', 'Disposition message:</B></DT><DD>\n\t\tTaken Under Submission\n', 'pending'],
  [
    'denied, with its message in another language',
    '<DT ID=locDispLabel><B>x</B></DT><DD>\n\t\t2 -\n</DD><DT ID=locDispMsgLabel><B>y</B></DT><DD>\n\t\tAbgelehnt von LAB\n</DD>',
    'denied',
  ],
  ['pending, called constructor', '<DT ID=locDispLabel><B>x</B></DT><DD>\n\t\tconstructor', 'unknown'],
  ['denied by its words', 'Disposition message:</B></DT><DD>\n\t\tDenied by LAB\\admin\n', 'denied'],
  ['an error', '<DT ID=locDispLabel><B>x</B></DT><DD>\n\t\t1 -\n</DD>', 'unknown'],
]
for (const [what, html, kind] of fetched) test(`fetched: ${what}`, () => assert.is(readFetched(html, '7').kind, kind))

test('what a request is known by is said before anything else is asked', async () => {
  const taken: string[] = []
  const options = { ...USER, taken: async ({ id }: { readonly id: string }) => void taken.push(id) }
  const mark: readonly [string, string] = [HTML, '<P ID=locInfoReqID>\n要求 ID は 25 です。\n</P>']
  pages({ 'certfnsh.asp': mark })
  assert.equal(await there.submit(request, options), { pending: { id: '25' } })
  pages({ 'certfnsh.asp': submitted })
  await caError('ERR_CA_ANSWER', there.submit(request, options))
  pages({ 'certfnsh.asp': [HTML, '<p>Welcome</p>'] })
  await caError('ERR_CA_ANSWER', there.submit(request, options))
  pages({ 'certfnsh.asp': [HTML, '<P ID=locDenied> x </P>'] })
  deniedBy(await there.submit(request, options))
  assert.equal(taken, ['25', '12'])
  assert.is(there.recover, undefined)
})

test('a status while a request is asked about decides nothing about the request', async () => {
  for (const status of [400, 403, 409, 413, 415, 422]) {
    server.answer = (response) => response.writeHead(status).end()
    const error = await caError('ERR_CA_REFUSED', there.fetch({ id: '25' }, request))
    assert.is(error.status, status)
  }
})

test('sending is said once the CA has proved who it is, before the request goes out', async () => {
  const events: string[] = []
  const options = { ...USER, sending: async () => void events.push('sending') }
  server.answer = (response) => {
    events.push('came')
    response.writeHead(503).end()
  }
  await caError('ERR_CA_UNAVAILABLE', there.submit(request, options))
  assert.equal(events, ['sending', 'came'])
  const stranger = certsrvProtocol(address(lab, { url: server.url, ca: waiting.pem }))
  await caError('ERR_CA_UNTRUSTED', stranger.submit(request, options))
  const nobody = certsrvProtocol(address(lab, { url: 'https://127.0.0.1:1' }))
  await caError('ERR_CA_UNAVAILABLE', nobody.submit(request, options))
  assert.is(events.length, 2)
  const full = new Error('the disk is full')
  const failing = { ...USER, sending: () => Promise.reject(full) }
  await there.submit(request, failing).catch(() => undefined)
  assert.is(events.length, 2, 'nothing was sent')
})

test('renewals of the CA certificate', () => {
  assert.is(readRenewals('var nRenewals=3;'), 3)
  assert.is(readRenewals('nothing'), 0)
  assert.is(readRenewals('var nRenewals=99999;'), 0)
})

test('pages damaged in every way and of great length are read at once', async () => {
  const seeds = [...read.map(([, html]) => html), ...fetched.map(([, html]) => html)].map((html) =>
    Uint8Array.from(Buffer.from(html)),
  )
  const readAll = (html: string) => {
    readSubmitted(html)
    readFetched(html, '1')
    readRenewals(html)
  }
  const target = (octets: Uint8Array) => {
    const html = Buffer.from(octets).toString('latin1')
    readAll(html)
    readAll(html.repeat(100))
  }
  await fuzz('pages', seeds, FUZZ_SECONDS / 3, target, { refusals: [], slowest: 500 })
  const pieces = ['<', 'Disposition message:', 'ID=locDispLabel', 'ID=locDispLabel<DD>', '<DD>', '&', '\t\t', ' ']
  for (const piece of [...pieces, 'The disposition message is "']) {
    // What is read again from each place takes minutes.
    const took = await timed(async () => readAll(piece.repeat(LONGEST_ANSWER / piece.length)))
    assert.ok(took < 30_000, `${piece}: ${took} ms`)
  }
})

test('Negotiate: the package is asked for a token for each call, and is named where it is missing', async () => {
  const services: string[] = []
  const standIn: Kerberos = {
    GSS_MECH_OID_SPNEGO: 6,
    async initializeClient(service, options) {
      services.push(`${service} ${JSON.stringify(options)}`)
      return { step: async (challenge) => `token${challenge}` }
    },
  }
  pages({ 'certcarc.asp': [HTML, 'var nRenewals=2;'], 'certnew.p7b': chain })
  const client = certsrvProtocol(address(lab, { url: server.url, credentials: await negotiate(standIn) }))
  assert.is((await client.cacerts()).length, 2)
  assert.equal(services, Array(2).fill('HTTP@127.0.0.1 {"mechOID":6}'))
  assert.match(server.seen.at(-1)?.url ?? '', 'Renewal=2')
  assert.is(server.seen.at(-1)?.headers.authorization, 'Negotiate token')
  const without: Kerberos = { ...standIn, initializeClient: () => Promise.reject(new Error('No Kerberos credentials')) }
  const error = await caError(
    'ERR_CA_LOGIN',
    certsrvProtocol(address(lab, { credentials: await negotiate(without) })).cacerts(),
  )
  assert.match(error.message, /No Kerberos credentials\. Get one \(kinit\)/)
  const missing = await negotiate().catch((reason: unknown) => reason)
  assert.instance(missing, UsageError)
  assert.match((missing as UsageError).message, 'npm install kerberos')
})

test('another user does not get it', async () => {
  const theirs = await certsrv().submit(makeRequest(), USER)
  assert.ok(isIssued(theirs))
  const { id = 0 } = (await lab.registration.entries()).at(-1) ?? {}
  const error = await certsrv({ credentials: login('bob') })
    .fetch({ id: String(id) }, request)
    .catch((reason: unknown) => reason)
  assert.instance(error, CaError)
})

test.run()
