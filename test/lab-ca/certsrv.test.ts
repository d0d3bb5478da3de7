// takes: 8 s
// Web enrolment as curl and published clients use it: the expressions below are the ones that they search pages with.
import { execFile, execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  ask,
  base64,
  makeKey,
  makeRequest,
  openssl,
  PASSWORDS,
  type Reply,
  scratchFile,
  startLab,
  type UserName,
} from './support.ts'

const lab = await startLab()
const waiting = await startLab({ pending: true })
test.after(async () => {
  await lab.close()
  await waiting.close()
})

/** Of Python's `certsrv` and of the cert-manager issuer `adcs-issuer`. */
const PUBLISHED = {
  issued: /certnew.cer\?ReqID=(\d+)&/,
  pendingTitle: /Certificate Pending/,
  pending: /Your Request Id is (\d+)./,
  denied: /The disposition message is "([^"]+)/,
  fetchDenied: /Disposition message:[^\t]+\t\t([^\r\n]+)/,
  renewals: /var nRenewals=(\d+);/,
} as const
const found = (text: string, name: keyof typeof PUBLISHED): string | undefined => PUBLISHED[name].exec(text)?.[1]

const pem = (request: Uint8Array) =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${base64(request)}\n-----END CERTIFICATE REQUEST-----\n`

function form(fields: Readonly<Record<string, string>>): { type: string; body: string } {
  return { type: 'application/x-www-form-urlencoded', body: new URLSearchParams(fields).toString() }
}

const submit = (
  ca: typeof lab,
  request: string,
  attributes = 'CertificateTemplate:SmartcardUser\r\n',
  user: UserName = 'alice',
): Promise<Reply> =>
  ask(ca, '/certsrv/certfnsh.asp', {
    user,
    ...form({
      Mode: 'newreq',
      CertRequest: request,
      CertAttrib: attributes,
      FriendlyType: 'Saved-Request Certificate',
      TargetStoreFlags: '0',
      SaveCert: 'yes',
    }),
  })

/** curl as a person would type it; the CA is in this process, so it must not be waited for by blocking. */
async function curl(...argv: string[]): Promise<Buffer> {
  const login = ['--user', `alice:${PASSWORDS.alice}`]
  const options = { encoding: 'buffer' as const, timeout: 120_000 }
  const { stdout } = await promisify(execFile)(
    'curl',
    ['--silent', '--fail', '--cacert', lab.certificateFile, ...login, ...argv],
    options,
  )
  return stdout
}

test('curl: hand in, find the number, fetch certificate and chain, in base 64 and in DER', async () => {
  const request = scratchFile('curl.csr')
  writeFileSync(request, pem(makeRequest()))
  const page = await curl(
    ...['--data-urlencode', 'Mode=newreq', '--data-urlencode', `CertRequest@${request}`],
    ...[
      '--data-urlencode',
      'CertAttrib=CertificateTemplate:SmartcardLogon',
      '--data',
      'TargetStoreFlags=0&SaveCert=yes',
    ],
    `${lab.url}/certsrv/certfnsh.asp`,
  )
  const id = found(page.toString(), 'issued')
  assert.ok(id)
  const place = `${lab.url}/certsrv/certnew`
  const [text, der] = await Promise.all([
    curl(`${place}.cer?ReqID=${id}&Enc=b64`),
    curl(`${place}.cer?ReqID=${id}&Enc=bin`),
  ])
  assert.match(text.toString(), /^-----BEGIN CERTIFICATE-----\r\n/)
  assert.equal(new X509Certificate(text).raw, new X509Certificate(der).raw)
  assert.is(new X509Certificate(der).verify(new X509Certificate(lab.pem).publicKey), true)
  const chain = scratchFile('chain.p7b')
  writeFileSync(chain, await curl(`${place}.p7b?ReqID=${id}&Enc=bin`))
  assert.is(openssl('pkcs7', '-inform', 'DER', '-in', chain, '-print_certs').match(/BEGIN CERTIFICATE/g)?.length, 2)
  writeFileSync(chain, await curl(`${place}.p7b?ReqID=CACert&Renewal=0&Enc=bin`))
  assert.match(openssl('pkcs7', '-inform', 'DER', '-in', chain, '-print_certs'), 'Laboratory CA')
  assert.match((await curl(`${lab.url}/certsrv/certcarc.asp`)).toString(), PUBLISHED.renewals)
  writeFileSync(chain, await curl(`${lab.url}/certsrv/certcrl.crl?Type=base&Renewal=0&Enc=bin`))
  openssl('crl', '-inform', 'DER', '-in', chain, '-CAfile', lab.certificateFile, '-noout')
})

test('the content types that clients ask for', async () => {
  const id = found((await submit(lab, pem(makeRequest()))).body, 'issued')
  for (const [file, type] of [
    [`certnew.cer?ReqID=${id}&Enc=b64`, 'application/pkix-cert'],
    ['certnew.cer?ReqID=CACert&Renewal=0&Enc=bin', 'application/pkix-cert'],
    [`certnew.p7b?ReqID=${id}&Enc=bin`, 'application/x-pkcs7-certificates'],
    ['certcrl.crl', 'application/pkix-crl'],
  ] as const) {
    const reply = await ask(lab, `/certsrv/${file}`, { user: 'alice' })
    assert.is(reply.headers['content-type'], type, file)
  }
})

test('every page is for users, says that it is for laboratories, and is found in upper and lower case', async () => {
  for (const path of ['/certsrv', '/certsrv/', '/CertSrv/certcarc.asp', '/certsrv/certnew.cer?ReqID=CACert']) {
    const { status, headers } = await ask(lab, path)
    assert.is(status, 401, path)
    assert.match(String(headers['www-authenticate']), 'Basic realm=')
    const reply = await ask(lab, path, { user: 'alice' })
    assert.is(reply.status, 200, path)
    assert.match(String(reply.headers['x-laboratory']), 'laboratories')
    if (reply.headers['content-type']?.includes('html')) assert.match(reply.body, 'for laboratories and tests only')
  }
  assert.is((await ask(lab, '/certsrv/certrqus.asp', { user: 'alice' })).status, 404)
  assert.is((await ask(lab, '/certsrv/certfnsh.asp', { user: 'alice' })).status, 405)
})

test('pending: the number, then Taken Under Submission, then the certificate', async () => {
  const { body } = await submit(waiting, pem(makeRequest()))
  assert.match(body, PUBLISHED.pendingTitle)
  assert.is(found(body, 'issued'), undefined)
  const id = Number(found(body, 'pending'))
  const fetch = () => ask(waiting, `/certsrv/certnew.cer?ReqID=${id}&Enc=b64`, { user: 'alice' })
  const page = await fetch()
  assert.match(String(page.headers['content-type']), 'text/html')
  assert.is(found(page.body, 'fetchDenied'), 'Taken Under Submission')
  const check = () =>
    ask(waiting, '/certsrv/certfnsh.asp', { user: 'alice', ...form({ Mode: 'chkpnd', ReqID: String(id) }) })
  assert.match((await check()).body, PUBLISHED.pending)
  await waiting.registration.approve(id)
  assert.is(found((await check()).body, 'issued'), String(id))
  assert.is(new X509Certificate((await fetch()).octets).subject, 'CN=alice')
  await waiting.registration.revoke(id)
  assert.match(found((await fetch()).body, 'fetchDenied') ?? '', 'Revoked')
})

test('denied: with the reason, at once and later', async () => {
  const other = makeRequest({ extensions: ['subjectAltName = email:bob@mail.example'] })
  const { body } = await submit(lab, pem(other))
  assert.match(found(body, 'denied') ?? '', "the e-mail address 'bob@mail.example'")
  assert.match(body, 'ID=locDenied')
  const waits = Number(found((await submit(waiting, pem(makeRequest()))).body, 'pending'))
  await waiting.registration.deny(waits, 'Not this time, <b>Alice</b>')
  const page = (await ask(waiting, `/certsrv/certnew.cer?ReqID=${waits}`, { user: 'alice' })).body
  assert.match(found(page, 'fetchDenied') ?? '', 'Denied by the laboratory CA: Not this time, &lt;b&gt;')
})

const refused: ReadonlyArray<
  readonly [what: string, attributes: string | undefined, request: () => string, words: string]
> = [
  ['no request', undefined, () => 'NotACsr', 'Error Parsing Request'],
  [
    'base 64 of something else',
    undefined,
    () => base64(Buffer.from('something')),
    'This is not a valid certificate request',
  ],
  [
    'an unknown template',
    'CertificateTemplate:NotATemplate',
    () => pem(makeRequest()),
    'a certificate template that is not supported',
  ],
  ['no template', '', () => pem(makeRequest()), 'contains no certificate template information'],
  [
    'names as an attribute',
    'CertificateTemplate:SmartcardUser\r\nSAN:upn=bob@lab.example',
    () => pem(makeRequest()),
    'not from the attribute SAN',
  ],
  ['a weak key', undefined, () => pem(makeRequest({ key: makeKey('RSA-1024') })), 'too weak'],
]
for (const [what, attributes, request, words] of refused) {
  test(`denied: ${what}`, async () =>
    assert.match(found((await submit(lab, request(), attributes)).body, 'denied') ?? '', words))
}

test('the template is named by its name, its title, or in the request itself', async () => {
  const inside = makeRequest({ extensions: ['1.3.6.1.4.1.311.20.2 = ASN1:BMPSTRING:SmartcardLogon'] })
  for (const [attributes, request, template] of [
    ['CertificateTemplate: Smartcard logon\r\nccm:host', makeRequest(), 'SmartcardLogon'],
    ['certificatetemplate:SMARTCARDUSER', makeRequest(), 'SmartcardUser'],
    ['', inside, 'SmartcardLogon'],
  ] as const) {
    const id = Number(found((await submit(lab, base64(request), attributes)).body, 'issued'))
    assert.is((await lab.registration.entry(id)).template, template)
  }
})

test('a request of somebody else is not even there', async () => {
  const id = found((await submit(lab, pem(makeRequest()))).body, 'issued')
  const theirs = await ask(lab, `/certsrv/certnew.cer?ReqID=${id}`, { user: 'bob' })
  const nobodys = await ask(lab, '/certsrv/certnew.cer?ReqID=999999', { user: 'bob' })
  assert.is(theirs.body, nobodys.body)
  for (const bad of ['-1', '0', '1e3', '../../ca', '99999999999', '']) {
    const { status, body } = await ask(lab, `/certsrv/certnew.cer?ReqID=${encodeURIComponent(bad)}`, { user: 'bob' })
    assert.is(status, 200)
    assert.is(found(body, 'fetchDenied'), 'There is no such request.')
  }
})

test('a form that is none is refused', async () => {
  const post = (body: string, type = 'application/x-www-form-urlencoded') =>
    ask(lab, '/certsrv/certfnsh.asp', { user: 'alice', type, body })
  assert.is((await post('Mode=newreq&Mode=newreq')).status, 400)
  assert.is((await post('Mode=other')).status, 400)
  assert.is((await post(Array.from({ length: 40 }, (_, index) => `f${index}=1`).join('&'))).status, 400)
  assert.is((await post('{}', 'application/json')).status, 415)
})

test('openssl verifies what came by this way', async () => {
  const id = found((await submit(lab, pem(makeRequest()))).body, 'issued')
  const { octets } = await ask(lab, `/certsrv/certnew.cer?ReqID=${id}&Enc=b64`, { user: 'alice' })
  const said = execFileSync('openssl', ['verify', '-CAfile', lab.certificateFile, '-purpose', 'sslclient'], {
    input: octets,
  })
  assert.match(said.toString(), 'OK')
})

test.run()
