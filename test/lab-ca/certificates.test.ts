// takes: 10 s
// What the CA issues, as openssl sees it; and what it refuses to put into a certificate.
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { putUser } from '../../src/lab-ca/users.ts'
import { readCertsOnly } from '../../src/x509/certs-only.ts'
import { PRINCIPAL, UPN } from './names.ts'
import {
  type Asked,
  ask,
  enrol,
  makeKey,
  makeRequest,
  openssl,
  pemFile,
  SID,
  scratchFile,
  startLab,
  type UserName,
} from './support.ts'

const lab = await startLab()
test.after(() => lab.close())

/** The certificate of a request, as a file for openssl. */
async function issued(asked: Asked, label = '', user: UserName = 'alice'): Promise<string> {
  const reply = await enrol(lab, makeRequest(asked), user, `${label}simpleenroll`)
  assert.is(reply.status, 200, reply.body)
  const [certificate] = readCertsOnly(Uint8Array.from(Buffer.from(reply.body, 'base64')))
  assert.ok(certificate)
  return pemFile(certificate)
}

const text = (path: string) => openssl('x509', '-in', path, '-noout', '-text')

test('Smartcard user: three purposes, UPN and e-mail address, the SID that the CA knows', async () => {
  const path = await issued({})
  const shown = text(path)
  assert.match(shown, 'TLS Web Client Authentication, Microsoft Smartcard Login, E-mail Protection')
  assert.match(shown, 'othername: UPN::alice@lab.example')
  assert.match(shown, 'email:alice@lab.example')
  assert.match(shown, 'Digital Signature, Key Agreement')
  assert.match(shown, 'CA:FALSE')
  assert.match(shown, /Subject: CN = alice\n/)
  assert.match(shown, `URI:${lab.crl}`)
  assert.match(shown, SID)
  assert.is(new X509Certificate(lab.pem).verify(new X509Certificate(lab.pem).publicKey), true)
  for (const purpose of ['sslclient', 'smimesign']) {
    assert.match(openssl('verify', '-CAfile', lab.certificateFile, '-purpose', purpose, '-x509_strict', path), 'OK')
  }
  assert.throws(() => openssl('verify', '-CAfile', lab.certificateFile, '-purpose', 'sslserver', path))
})

test('Smartcard logon: two purposes, no e-mail address unless it is asked for', async () => {
  const plain = text(await issued({}, 'smartcard-logon/'))
  assert.match(plain, 'TLS Web Client Authentication, Microsoft Smartcard Login\n')
  assert.match(plain, 'othername: UPN::alice@lab.example\n')
  const asked = await issued({ extensions: ['subjectAltName = email:Alice@LAB.example'] }, 'SmartcardLogon/')
  assert.match(text(asked), 'email:alice@lab.example')
  assert.throws(() => openssl('verify', '-CAfile', lab.certificateFile, '-purpose', 'smimesign', asked))
})

test('the octets of names and purposes are the ones that Windows and PKINIT look for', async () => {
  const path = await issued({ extensions: PRINCIPAL })
  const der = openssl('x509', '-in', path, '-outform', 'PEM')
  const hexDer = Buffer.from(der.replace(/-----[^-]+-----|\s/g, ''), 'base64').toString('hex')
  const ascii = (value: string) => Buffer.from(value).toString('hex')
  // otherName { 1.3.6.1.4.1.311.20.2.3, [0] UTF8String }
  assert.ok(hexDer.includes(`a02106 0a2b060104018237140203 a0130c11${ascii('alice@lab.example')}`.replace(/ /g, '')))
  // extKeyUsage with 1.3.6.1.4.1.311.20.2.2
  assert.ok(hexDer.includes('060a2b060104018237140202'))
  // KRB5PrincipalName { realm, { NT-PRINCIPAL, names } }
  const principal = `a00d1b0b${ascii('LAB.EXAMPLE')}a1123010a003020101a10930071b05${ascii('alice')}`
  assert.ok(hexDer.includes(principal), hexDer)
  // szOID_NTDS_CA_SECURITY_EXT { 1.3.6.1.4.1.311.25.2.1, [0] OCTET STRING }
  assert.ok(hexDer.includes(`060a2b060104018237190201a0`))
  assert.ok(hexDer.includes(`04${SID.length.toString(16).padStart(2, '0')}${ascii(SID)}`))
})

test('with a list of revoked certificates: good before, refused after; the list is there over http', async () => {
  const path = await issued({})
  const check = async (): Promise<string> => {
    const list = await new Promise<Buffer>((resolve, reject) => {
      get(lab.crl, (message) => resolve(buffer(message))).on('error', reject)
    })
    const file = scratchFile('now.crl')
    writeFileSync(file, list)
    const crl = openssl('crl', '-inform', 'DER', '-in', file, '-CAfile', lab.certificateFile)
    writeFileSync(file, crl)
    return openssl(
      'verify',
      '-CAfile',
      lab.certificateFile,
      '-crl_check',
      '-CRLfile',
      file,
      '-purpose',
      'sslclient',
      path,
    )
  }
  assert.match(await check(), 'OK')
  await lab.registration.revoke((await lab.registration.entries()).at(-1)?.id ?? 0)
  const refused = await check().catch((error: { stderr: string }) => error.stderr)
  assert.match(refused, 'certificate revoked')
  assert.match(openssl('crl', '-inform', 'DER', '-in', lab.directory.crlFile, '-noout', '-text'), 'Serial Number')
})

for (const [kind, usage] of [
  ['P-384', 'Digital Signature, Key Agreement'],
  ['RSA-2048', 'Digital Signature, Key Encipherment'],
] as const) {
  test(`a key ${kind}: ${usage}; what is asked for in its place is taken where it is right`, async () => {
    const key = makeKey(kind)
    const path = await issued({ key })
    assert.match(text(path), usage)
    const encrypts = () => openssl('verify', '-CAfile', lab.certificateFile, '-purpose', 'smimeencrypt', path)
    if (kind === 'RSA-2048') assert.match(encrypts(), 'OK')
    const signing = ['keyUsage = critical,digitalSignature,nonRepudiation']
    assert.match(text(await issued({ key, extensions: signing })), /Digital Signature, Non Repudiation\n/)
  })
}

test('RSA-PSS and other hashes', async () => {
  const key = makeKey('RSA-2048')
  const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest']
  for (const how of [['-sha384'], ['-sha512'], [...pss, '-sha256'], [...pss, '-sha512']]) await issued({ key, how })
  await issued({ key: makeKey('P-384'), how: ['-sha384'] })
})

test('a user without SID gets none, and may not ask for one', async () => {
  assert.not.match(text(await issued({}, '', 'bob')), '1.3.6.1.4.1.311.25.2')
  const sid = ['1.3.6.1.4.1.311.25.2 = DER:30:03:02:01:05']
  assert.is((await enrol(lab, makeRequest({ extensions: sid }), 'bob')).status, 403)
})

test('a user who was removed, or has other names by the time of approval', async () => {
  const waiting = await startLab({ pending: true })
  try {
    await enrol(waiting, makeRequest({ extensions: [`subjectAltName = ${UPN}alice@lab.example`] }))
    await putUser(waiting.directory, { name: 'alice', password: utf8('correct horse'), upn: 'alice@elsewhere.example' })
    const entry = await waiting.registration.approve(1)
    assert.is(entry.state, 'denied')
    assert.match(entry.reason ?? '', 'alice@elsewhere.example')
    assert.is((await waiting.registration.approve(1)).state, 'denied')
    assert.is((await ask(waiting, '/.well-known/est/cacerts')).status, 200)
  } finally {
    await waiting.close()
  }
})

test('what was denied is denied again with the reason of today, and issued when there is none left', async () => {
  const own = await startLab()
  try {
    const request = makeRequest({ extensions: [`subjectAltName = ${UPN}alice@new.example`] })
    const first = await enrol(own, request)
    assert.equal([first.status, (await enrol(own, request)).body], [403, first.body])
    assert.is((await own.registration.entries()).length, 1)
    await putUser(own.directory, { name: 'alice', password: utf8('correct horse'), upn: 'alice@other.example' })
    const second = await enrol(own, request)
    assert.is(second.status, 403)
    assert.match(second.body, 'alice@other.example')
    await putUser(own.directory, { name: 'alice', password: utf8('correct horse'), upn: 'alice@new.example' })
    assert.is((await enrol(own, request)).status, 200)
  } finally {
    await own.close()
  }
})

test.run()
