// takes: 10 s
// EST as strongSwan's pki speaks it: CA certificates, enrolment, renewal by certificate, waiting for approval.
import { execFile } from 'node:child_process'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ask, makeKey, makeRequest, openssl, scratchFile, startLab } from './support.ts'

const lab = await startLab()
const waiting = await startLab({ pending: true })
const LIMIT = 120_000

/** pki of strongSwan: it talks to the CA in this process, so it must not be waited for by blocking. */
async function pki(
  ...argv: string[]
): Promise<{ readonly ok: boolean; readonly octets: Uint8Array; readonly said: string }> {
  const options = { timeout: LIMIT, encoding: 'buffer' as const, env: { ...process.env, LEAK_DETECTIVE_DISABLE: '1' } }
  try {
    const { stdout, stderr } = await promisify(execFile)('pki', argv, options)
    return { ok: true, octets: stdout, said: stderr.toString() }
  } catch (error) {
    const { stdout = new Uint8Array(0), stderr = '' } = error as { stdout?: Buffer; stderr?: Buffer }
    return { ok: false, octets: stdout, said: `${error}${stderr}` }
  }
}

function requestFile(name: string, key: string, extensions: readonly string[] = []): string {
  const path = scratchFile(name)
  writeFileSync(path, makeRequest({ key, extensions }))
  return path
}

const est = (ca: typeof lab) => ['--url', ca.url, '--cacert', ca.certificateFile]

test('cacerts: the CA certificate, trusted since it is the one of the server', async () => {
  const out = scratchFile('fetched.pem')
  const { ok, said } = await pki('--estca', ...est(lab), '--caout', out, '--outform', 'pem')
  assert.ok(ok, said)
  assert.match(said, 'Root CA cert is trusted')
  assert.equal(new X509Certificate(readFileSync(out)).raw, new X509Certificate(lab.pem).raw)
})

for (const kind of ['P-256', 'P-384', 'RSA-2048'] as const) {
  test(`enrol with a key ${kind} and a password, then renew with the certificate and another key`, async () => {
    const key = makeKey(kind)
    const request = requestFile(`${kind}.p10`, key, ['subjectAltName = email:alice@lab.example'])
    const first = await pki(
      '--est',
      ...est(lab),
      '--in',
      request,
      '--userpass',
      'alice:correct horse',
      '--outform',
      'pem',
    )
    assert.ok(first.ok, first.said)
    assert.match(first.said, 'Issued certificate is trusted')
    const certificate = new X509Certificate(first.octets)
    assert.ok(certificate.publicKey.equals(createPublicKey(readFileSync(key))))
    assert.is(certificate.subject, 'CN=alice')
    const path = scratchFile(`${kind}.pem`)
    writeFileSync(path, first.octets)

    const newKey = makeKey(kind)
    const again = requestFile(`${kind}-new.p10`, newKey)
    const renewed = await pki('--est', ...est(lab), '--in', again, '--cert', path, '--key', key, '--outform', 'pem')
    assert.ok(renewed.ok, renewed.said)
    assert.match(renewed.said, "sending TLS client certificate 'CN=alice'")
    assert.ok(new X509Certificate(renewed.octets).publicKey.equals(createPublicKey(readFileSync(newKey))))
    assert.match(lab.lines.at(-1) ?? '', 'simplereenroll 200')
  })
}

test('a wrong password, another user`s name and no login are refused', async () => {
  const request = requestFile('refused.p10', makeKey(), ['subjectAltName = email:bob@mail.example'])
  for (const [login, status] of [
    ['alice:wrong horse', 401],
    ['nobody:correct horse', 401],
    ['alice:correct horse', 403],
  ] as const) {
    const { ok, said } = await pki('--est', ...est(lab), '--in', request, '--userpass', login)
    assert.not.ok(ok)
    assert.match(said, `HTTP ${status}`)
  }
  assert.match((await pki('--est', ...est(lab), '--in', request)).said, 'HTTP 401')
})

test('a request that waits: strongSwan asks again, and gets it once it is approved', async () => {
  const request = requestFile('waits.p10', makeKey())
  const login = ['--userpass', 'alice:correct horse', '--interval', '1', '--maxpolltime', '20']
  const enrolling = pki('--est', ...est(waiting), '--in', request, ...login, '--outform', 'pem')
  while (!waiting.lines.some((line) => line.includes('simpleenroll 202'))) await new Promise(setImmediate)
  assert.is((await waiting.registration.approve(1)).state, 'issued')
  const { ok, said, octets } = await enrolling
  assert.ok(ok, said)
  assert.match(said, 'EST request pending')
  assert.is(new X509Certificate(octets).subject, 'CN=alice')
  assert.is((await waiting.registration.entries()).length, 1)
})

test('a certificate that was revoked renews nothing', async () => {
  const key = makeKey()
  const path = scratchFile('revoked.pem')
  const login = ['--userpass', 'alice:correct horse', '--outform', 'pem']
  const { octets } = await pki('--est', ...est(lab), '--in', requestFile('revoked.p10', key), ...login)
  writeFileSync(path, octets)
  const newest = (await lab.registration.entries()).at(-1)
  await lab.registration.revoke(newest?.id ?? 0)
  const { ok, said } = await pki('--est', ...est(lab), '--in', requestFile('r2.p10', key), '--cert', path, '--key', key)
  assert.not.ok(ok)
  assert.match(said, 'HTTP 401')
})

test('a client certificate of another CA is none here', async () => {
  const [key, path] = [makeKey(), scratchFile('foreign.pem')]
  openssl('req', '-x509', '-new', '-key', key, '-subj', '/CN=alice', '-out', path)
  const options = { cert: readFileSync(path), key: readFileSync(key) }
  const request = Buffer.from(makeRequest()).toString('base64')
  const reply = await ask(lab, '/.well-known/est/simplereenroll', {
    type: 'application/pkcs10',
    body: request,
    options: { ...options, method: 'POST', headers: { 'Content-Type': 'application/pkcs10' } },
  })
  assert.is(reply.status, 401)
  assert.ok(existsSync(path))
})

test.after(async () => {
  await lab.close()
  await waiting.close()
})

test.run()
