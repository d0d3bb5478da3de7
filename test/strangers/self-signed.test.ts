// takes: 25 s
// Keys without certificates: nobody sees them. After `cert self-sign` through the reader OpenSC shows keys and
// certificates, and signs with the keys.
import { verify, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { requestCertificate, selfSign } from '../../src/enroll/index.ts'
import { createCard, openCard } from '../../src/index.ts'
import { tessera } from '../cli/cli.ts'
import { seen } from '../pcsc/cards.ts'
import { type ServeProcess, startServe } from '../serve/support/process.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { type Swtpm, startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { knowing, labels, NAMES, OPENSC, secret } from './support/opensc.ts'
import { ADMIN_KEY, PIN } from './support/served.ts'
import { file, newFile, ok } from './support/tools.ts'

const home = tempDir('home')
const SLOTS = { '9a': 'P-256', '9c': 'RSA-2048', '9d': 'RSA-2048', '82': 'P-384' } as const
const message = file('what is signed')
let pcscd: Pcscd
let tpm: Swtpm
let serve: ServeProcess

test.before(async () => {
  ;[pcscd, tpm] = await Promise.all([startPcscd(), startSwtpm()])
  const card = await createCard({ name: 'work', home, tcti: tpm.tcti, pin: PIN })
  await card.verifyPin(PIN)
  for (const [slot, algorithm] of Object.entries(SLOTS)) await card.generateKey(slot, { algorithm })
  await card.close()
  serve = await startServe(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`], { TESSERA_HOME: home })
  assert.ok((await serve.line())?.startsWith('Serving'), serve.stderr())
  await seen(pcscd.readers[0], true)
  process.env.TESSERA_HOME = tempDir('empty')
})
test.after(async () => {
  await serve?.stop('SIGTERM')
  await pcscd?.stop()
  await tpm?.stop()
})

const opensc = (...words: string[]) =>
  ok('pkcs11-tool', ['--module', OPENSC, '--login', '--pin', secret('PIN'), ...words], knowing({ PIN }))

test('before: OpenSC sees no key', async () => {
  assert.equal(labels((await opensc('--list-objects', '--type', 'privkey')).stdout), [])
})

test('cert self-sign through the reader, with the admin key and one PIN', async () => {
  const [pin, adminKey] = [file(`${PIN}\n`), file(`${ADMIN_KEY}\n`)]
  for (const slot of Object.keys(SLOTS)) {
    const how = ['--pin-file', pin, '--admin-key-file', adminKey, '--subject', `CN=Maria ${slot}`, '--json']
    const { code, stdout, stderr } = await tessera(['cert', 'self-sign', slot, ...how])
    assert.is(code, 0, stderr)
    assert.is(JSON.parse(stdout).subject, `CN=Maria ${slot}`)
  }
})

test('after: OpenSC shows keys and certificates, with the usage that is right for the slot', async () => {
  const { stdout } = await opensc('--list-objects', '--type', 'privkey')
  assert.equal(
    labels(stdout).sort(),
    Object.keys(SLOTS)
      .map((slot) => NAMES[slot as '9a'].key)
      .sort(),
  )
  const usages = [...stdout.matchAll(/label: +(.*)\n(?:.*\n)*? +Usage: +(.*)/g)].map(([, label, usage]) => [
    label,
    usage,
  ])
  assert.equal(Object.fromEntries(usages), {
    [NAMES['9a'].key]: 'sign',
    [NAMES['9c'].key]: 'decrypt, sign, non-repudiation, unwrap',
    [NAMES['9d'].key]: 'decrypt, unwrap',
    [NAMES['82'].key]: 'derive',
  })
  const certificates = await opensc('--list-objects', '--type', 'cert')
  for (const slot of Object.keys(SLOTS)) assert.match(certificates.stdout, `CN=Maria ${slot}`)
})

test('and signs with the key', async () => {
  const [der, signature] = [newFile(), newFile()]
  await opensc('--read-object', '--type', 'cert', '--id', '01', '--output-file', der)
  const how = ['--mechanism', 'ECDSA-SHA256', '--signature-format', 'openssl']
  await opensc('--sign', ...how, '--id', '01', '--input-file', message, '--output-file', signature)
  const { publicKey } = new X509Certificate(readFileSync(der))
  assert.ok(verify('sha256', readFileSync(message), publicKey, readFileSync(signature)))
})

test('the library does the same over the reader: a key of policy always signs a request with the PIN in the call', async () => {
  const card = await openCard({ reader: pcscd.readers[0] })
  try {
    const path = file(await requestCertificate(card, '9c', { pin: PIN, subject: 'CN=Maria' }))
    await ok('openssl', ['req', '-inform', 'der', '-in', path, '-noout', '-verify'])
    await card.authenticateAdmin(Buffer.from(ADMIN_KEY, 'hex'))
    await selfSign(card, '9c', { pin: () => PIN, subject: 'CN=Maria Example' })
    assert.match((await opensc('--list-objects', '--type', 'cert', '--id', '02')).stdout, 'CN=Maria Example')
  } finally {
    await card.close()
  }
})

test.run()
