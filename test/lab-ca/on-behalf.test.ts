// takes: 8 s
// Enrolment agents at the laboratory CA: who may ask for the certificates of others, in web enrolment and in EST.
import { createPrivateKey, createPublicKey, sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { describeCertificate } from '../../src/enroll/index.ts'
import { putUser } from '../../src/lab-ca/users.ts'
import { writeOnBehalf } from '../../src/x509/on-behalf.ts'
import { ask, base64, enrol, makeKey, makeRequest, PASSWORDS, pemFile, type Reply, startLab } from './support.ts'

const lab = await startLab()
test.after(() => lab.close())

const OFFICER = ['officer', 'long enough'] as const
interface Identity {
  readonly key: string
  readonly certificate: Uint8Array
}
let officer: Identity

/** A certificate of the lab for a user, by the label of a template. */
async function issued(user: 'alice' | typeof OFFICER, label: string): Promise<Identity> {
  const name = typeof user === 'string' ? user : user[0]
  const key = makeKey()
  const request = makeRequest({ key, subject: `/CN=${name}` })
  const reply = await enrol(lab, request, user, `${label}/simpleenroll`)
  assert.is(reply.status, 200, reply.body)
  const [last] = (await lab.registration.entries()).slice(-1)
  assert.ok(last?.certificate)
  return { key, certificate: last.certificate }
}

test.before(async () => {
  await putUser(lab.directory, { name: OFFICER[0], password: utf8(OFFICER[1]), agent: true })
  officer = await issued(OFFICER, 'enrollment-agent')
})

/** What an agent hands in. */
async function envelope({ key, certificate }: Identity, requester: string, request = makeRequest()) {
  const privateKey = createPrivateKey(readFileSync(key))
  const publicKey = createPublicKey(privateKey)
  return writeOnBehalf({ request, requester }, certificate, {
    publicKey,
    algorithm: { hash: 'SHA-256', padding: 'pkcs1' },
    sign: async (data) => Uint8Array.from(sign('sha256', data, privateKey)),
  })
}

const submit = (octets: Uint8Array, template = 'SmartcardUser', user: readonly [string, string] = OFFICER) =>
  ask(lab, '/certsrv/certfnsh.asp', {
    user,
    type: 'application/x-www-form-urlencoded',
    body: new URLSearchParams({
      Mode: 'newreq',
      CertRequest: base64(octets),
      CertAttrib: `CertificateTemplate:${template}\r\n`,
    }).toString(),
  })

const issuedId = ({ body }: Reply) => /certnew.cer\?ReqID=(\d+)&/.exec(body)?.[1]
const why = ({ body }: Reply) => /The disposition message is "([^"]+)/.exec(body)?.[1] ?? body

test('an agent has the certificate that says so, and only users who may be one get it', async () => {
  assert.equal(describeCertificate(officer.certificate).purposes, [
    'certificate-request-agent',
    'client-authentication',
  ])
  const reply = await enrol(lab, makeRequest(), 'alice', 'enrollment-agent/simpleenroll')
  assert.is(reply.status, 403)
  assert.match(reply.body, 'tessera lab-ca user add alice --enrolment-agent')
})

for (const requester of ['LAB\\alice', 'alice', 'Alice@lab.example', 'alice\0']) {
  test(`web enrolment: the certificate of ${JSON.stringify(requester)}, which the agent fetches`, async () => {
    const id = issuedId(await submit(await envelope(officer, requester)))
    assert.ok(id)
    const { user, by } = await lab.registration.entry(Number(id))
    assert.equal([user, by], ['alice', 'officer'])
    const { octets } = await ask(lab, `/certsrv/certnew.cer?ReqID=${id}&Enc=bin`, { user: OFFICER })
    assert.is(new X509Certificate(octets).subject, 'CN=alice')
    const others = await ask(lab, `/certsrv/certnew.cer?ReqID=${id}&Enc=bin`, { user: 'bob' })
    assert.match(others.body, 'There is no such request')
  })
}

test('whoever is no agent asks for nobody, whatever the login', async () => {
  const alice = await issued('alice', 'smartcard-user')
  const login = ['alice', PASSWORDS.alice] as const
  const signed = await envelope(alice, 'bob', makeRequest({ subject: '/CN=bob' }))
  assert.match(why(await submit(signed, undefined, login)), 'not an enrolment agent')
  assert.match(why(await submit(signed)), 'not an enrolment agent')
  // The officer's own certificate for logons.
  const logon = await issued(OFFICER, 'smartcard-user')
  assert.match(why(await submit(await envelope(logon, 'alice'))), 'not an enrolment agent')
})

test('a certificate that somebody else issued, or that was revoked, makes no agent', async () => {
  const other = await startLab()
  try {
    await putUser(other.directory, { name: OFFICER[0], password: utf8(OFFICER[1]), agent: true })
    const key = makeKey()
    await enrol(other, makeRequest({ key, subject: '/CN=officer' }), OFFICER, 'enrollment-agent/simpleenroll')
    const [entry] = await other.registration.entries()
    assert.ok(entry?.certificate)
    assert.match(
      why(await submit(await envelope({ key, certificate: entry.certificate }, 'alice'))),
      'not an enrolment agent',
    )
  } finally {
    await other.close()
  }
  const former = await issued(OFFICER, 'enrollment-agent')
  const [last] = (await lab.registration.entries()).slice(-1)
  await lab.registration.revoke(last?.id ?? 0)
  assert.match(why(await submit(await envelope(former, 'alice'))), 'not an enrolment agent')
})

test('a user who is not to be an agent any more is none', async () => {
  const user = await lab.directory.user('officer')
  assert.ok(user)
  const { agent: _, ...others } = user
  await lab.directory.putUser(others)
  assert.match(why(await submit(await envelope(officer, 'alice'))), 'not an enrolment agent')
  await lab.directory.putUser(user)
})

test('a changed request, name or signature is refused', async () => {
  const signed = await envelope(officer, 'alice')
  const forged = (change: (octets: Buffer) => void) => {
    const octets = Buffer.from(signed)
    change(octets)
    return submit(Uint8Array.from(octets))
  }
  const bob = Buffer.from('bobby', 'utf16le').swap16()
  const name = Buffer.from('alice', 'utf16le').swap16()
  for (const change of [
    (octets: Buffer) => void bob.copy(octets, octets.lastIndexOf(name)),
    (octets: Buffer) => void octets.writeUInt8(octets.readUInt8(octets.length - 1) ^ 1, octets.length - 1),
    (octets: Buffer) => void Buffer.from('bobby').copy(octets, octets.indexOf('alice')),
  ]) {
    assert.match(why(await forged(change)), 'signature is wrong')
  }
  const own = officer
  const other = { certificate: own.certificate, key: makeKey() }
  assert.match(why(await submit(await envelope(other, 'alice'))), 'signature is wrong')
})

test('nobody is enrolled whom the CA does not know, and no agent makes another', async () => {
  assert.match(why(await submit(await envelope(officer, 'LAB\\nobody'))), 'a user that this CA does not know')
  const wanted = makeRequest({ subject: '/CN=officer' })
  assert.match(why(await submit(await envelope(officer, 'officer', wanted), 'EnrollmentAgent')), 'in person')
})

test('EST: an agent who logs in by certificate asks for whom the request names', async () => {
  const identity = { cert: readFileSync(pemFile(officer.certificate)), key: readFileSync(officer.key) }
  const by = (request: Uint8Array, login: object = identity) =>
    ask(lab, '/.well-known/est/simpleenroll', {
      type: 'application/pkcs10',
      body: base64(request),
      options: { method: 'POST', headers: { 'Content-Type': 'application/pkcs10' }, ...login },
    })
  const upn = 'subjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@lab.example'
  for (const request of [makeRequest({ subject: '/CN=somebody', extensions: [upn] }), makeRequest()]) {
    const reply = await by(request)
    assert.is(reply.status, 200, reply.body)
    const [last] = (await lab.registration.entries()).slice(-1)
    assert.equal([last?.user, last?.by], ['alice', 'officer'])
  }
  const nobody = await by(makeRequest({ subject: '/CN=nobody' }))
  assert.is(nobody.status, 403)
  assert.match(nobody.body, 'names no user')
  // The same login by password is that of the officer in person.
  const person = await enrol(lab, makeRequest({ subject: '/CN=somebody', extensions: [upn] }), OFFICER)
  assert.is(person.status, 403)
  assert.match(person.body, "which the user 'officer' does not have")
})

test.run()
