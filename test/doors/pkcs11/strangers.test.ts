// takes: 15 s
// Programs of others on cards that `tessera serve --pcsc` serves beside PC/SC: all they know is p11-kit's module.
import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  verify,
  X509Certificate,
} from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CKA } from '../../../src/doors/pkcs11/attributes.ts'
import { CKO } from '../../../src/doors/pkcs11/codes.ts'
import { servePkcs11 } from '../../../src/serve/index.ts'
import { knowing, labels, NAMES, secret, type UsedSlot, uri } from '../../strangers/support/opensc.ts'
import { findPkcs11, P11_KIT } from '../../strangers/support/pkcs11.ts'
import {
  NEW_PIN,
  PIN,
  PUK,
  type Served,
  type ServedCard,
  startServed,
  TRIES,
  triesLeft,
  WRONG_PIN,
  WRONG_PUK,
} from '../../strangers/support/served.ts'
import { keysAndLogin } from '../../strangers/support/ssh.ts'
import { file, newFile, ok, type RunOptions, refused, type Said, says } from '../../strangers/support/tools.ts'
import { tempDir } from '../../support/temp.ts'
import { RawProgram } from './support/program.ts'

let served: Served
let curve: ServedCard
let prime: ServedCard
let server: Awaited<ReturnType<typeof startServer>>
test.before(async () => {
  served = await startServed(['curve', 'prime'], { way: 'socket' })
  findPkcs11()
  const [first, second] = served.cards
  if (first === undefined || second === undefined) throw new Error('no cards')
  curve = first
  prime = second
  server = await startServer()
})
test.after(async () => {
  server?.stop()
  await served?.stop()
})

const MESSAGE = Buffer.from('what a stranger signs')
const SLOTS = Object.keys(NAMES) as UsedSlot[]
const [pinFile] = [file(PIN)]
const withPin: RunOptions = knowing({ PIN })
const tool = (...words: string[]): string[] => ['--module', P11_KIT, ...words]
const on = (card: ServedCard): string[] => tool('--token-label', card.name)
const loggedIn = (card: ServedCard): string[] => [...on(card), '--login', '--pin', secret('PIN')]
const keyOf = (card: ServedCard, slot: UsedSlot, pin = pinFile): string => uri(card.name, slot, 'private', pin)

test('pkcs11-tool: tokens, objects and mechanisms', async () => {
  const { stdout: slots } = await ok('pkcs11-tool', tool('--list-slots'))
  for (const { name } of served.cards) assert.match(slots, new RegExp(`token label +: ${name}\n`))
  assert.match(slots, /token flags +: login required, rng, token initialized, PIN initialized\n/)
  const { stdout: objects } = await ok('pkcs11-tool', [...loggedIn(curve), '--list-objects'], withPin)
  const found = labels(objects)
  for (const slot of SLOTS) {
    for (const label of [NAMES[slot].certificate, NAMES[slot].key, NAMES[slot].publicKey])
      assert.ok(found.includes(label), label)
  }
  const { stdout: mechanisms } = await ok('pkcs11-tool', [...on(curve), '--list-mechanisms'])
  for (const name of ['ECDSA, ', 'RSA-PKCS, ', 'RSA-PKCS-PSS', 'RSA-PKCS-OAEP', 'SHA256-RSA-PKCS, '])
    assert.match(mechanisms, name)
})

test('pkcs11-tool: private keys are shown to whoever is logged in', async () => {
  const { stdout } = await ok('pkcs11-tool', [...on(curve), '--list-objects', '--type', 'privkey'])
  assert.equal(labels(stdout), [NAMES['9e'].key])
})

test('pkcs11-tool: its own test of each card', async () => {
  for (const card of served.cards) {
    const { stdout, all } = await ok('pkcs11-tool', [...loggedIn(card), '--test'], withPin)
    assert.match(stdout, /^No errors$/m, all)
    assert.match(stdout, /all 4 signature functions seem to work/, all)
    assert.match(stdout, /RSA-PKCS-OAEP/, all)
  }
})

for (const [name, slot, mechanism, more] of [
  ['curve', '9a', 'ECDSA', []],
  ['curve', '9e', 'ECDSA', []],
  ['prime', '82', 'ECDSA', []],
  ['prime', '9a', 'SHA256-RSA-PKCS', []],
  ['prime', '9a', 'SHA512-RSA-PKCS', []],
  ['prime', '9a', 'RSA-PKCS-PSS', ['--hash-algorithm', 'SHA256', '--mgf', 'MGF1-SHA256', '--salt-len', '32']],
] as const) {
  test(`pkcs11-tool: ${name} ${slot} signs ${mechanism}`, async () => {
    const card = name === 'curve' ? curve : prime
    const isHashed = mechanism.startsWith('SHA')
    const hash = mechanism.startsWith('SHA512') ? 'sha512' : slot === '82' ? 'sha384' : 'sha256'
    const input = isHashed ? MESSAGE : createHash(hash).update(MESSAGE).digest()
    const out = newFile()
    const how = ['--sign', '--mechanism', mechanism, '--id', NAMES[slot].id, '-i', file(input), '-o', out, ...more]
    const said = await ok('pkcs11-tool', [...loggedIn(card), ...how, '--signature-format', 'openssl'], withPin)
    const pss = mechanism.includes('PSS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {}
    assert.ok(verify(hash, MESSAGE, { key: card.publicKey(slot), ...pss }, readFileSync(out)), said.all)
  })
}

test('pkcs11-tool: a key that wants the PIN for every use is given it', async () => {
  const out = newFile()
  const how = ['--sign', '--mechanism', 'SHA256-RSA-PKCS', '--id', NAMES['9c'].id, '-i', file(MESSAGE), '-o', out]
  await ok('pkcs11-tool', [...loggedIn(curve), ...how], withPin)
  assert.ok(verify('sha256', MESSAGE, curve.publicKey('9c'), readFileSync(out)))
})

test('pkcs11-tool: decrypts PKCS #1 v1.5 and OAEP', async () => {
  const plain = Buffer.from('a secret of 25 characters')
  const key = prime.publicKey('9d')
  for (const [mechanism, encrypted, more] of [
    ['RSA-PKCS', publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, plain), []],
    [
      'RSA-PKCS-OAEP',
      publicEncrypt({ key, oaepHash: 'sha256' }, plain),
      ['--hash-algorithm', 'SHA256', '--mgf', 'MGF1-SHA256'],
    ],
  ] as const) {
    const out = newFile()
    const how = [
      '--decrypt',
      '--mechanism',
      mechanism,
      ...more,
      '--id',
      NAMES['9d'].id,
      '--input-file',
      file(encrypted),
      '-o',
      out,
    ]
    await ok('pkcs11-tool', [...loggedIn(prime), ...how], withPin)
    assert.equal(readFileSync(out), plain, mechanism)
  }
})

const p11tool = (end: typeof ok, pin: string, ...words: string[]): Promise<Said> =>
  end('p11tool', ['--provider', P11_KIT, '--batch', ...words], { env: { GNUTLS_PIN: pin } })

test('p11tool: certificates as they are, and its own test of a signature', async () => {
  for (const { name, certificate } of served.cards) {
    for (const slot of ['9a', '9c', '9e'] as const) {
      const { stdout } = await p11tool(ok, PIN, '--export', uri(name, slot, 'cert'))
      assert.is(new X509Certificate(stdout).fingerprint256, certificate(slot).fingerprint256)
      const said = await p11tool(ok, PIN, '--login', '--test-sign', uri(name, slot, 'private'))
      says(said, /Verifying against public key in the token\.\.\. ok/)
    }
  }
})

const engine: RunOptions = { env: { PKCS11_MODULE_PATH: P11_KIT } }
const ENGINE = ['-engine', 'pkcs11', '-keyform', 'engine']

test('openssl with the engine: signatures, also PSS, which plain openssl verifies', async () => {
  for (const [card, slot, ...more] of [
    [curve, '9a'],
    [prime, '9a', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'],
  ] as const) {
    const [message, out] = [file(MESSAGE), newFile()]
    await ok(
      'openssl',
      ['dgst', ...ENGINE, '-sha256', ...more, '-sign', keyOf(card, slot), '-out', out, message],
      engine,
    )
    const pem = file(card.publicKey(slot).export({ type: 'spki', format: 'pem' }))
    says(
      await ok('openssl', ['dgst', '-sha256', ...more, '-verify', pem, '-signature', out, message]),
      /^Verified OK$/m,
    )
  }
})

test('a wrong PIN signs nothing and costs one try; two are kept', async () => {
  const wrong = ['--login', '--test-sign', uri(curve.name, '9a', 'private')]
  for (let left = TRIES.pin - 1; left >= 1; left -= 1) {
    const out = newFile()
    const sign = ['--sign', '--mechanism', 'ECDSA', '--id', '01', '-i', file(MESSAGE), '-o', out]
    const said = await refused(
      'pkcs11-tool',
      [...on(curve), '--login', '--pin', secret('PIN'), ...sign],
      knowing({ PIN: WRONG_PIN }),
    )
    says(said, /CKR_PIN_INCORRECT/)
    assert.is(await triesLeft(curve), left)
    const { stdout } = await ok('pkcs11-tool', [...on(curve), '--list-token-slots'])
    const flags = left === 1 ? 'user PIN locked' : left === 2 ? 'final user PIN try' : 'user PIN count low'
    assert.match(stdout, flags)
  }
  // The last one: neither a wrong PIN nor a right one is sent to the card.
  for (const pin of [WRONG_PIN, PIN]) await p11tool(refused, pin, ...wrong)
  assert.is(await triesLeft(curve), 1)
  await curve.look((one) => one.verifyPin(PIN))
  assert.is(await triesLeft(curve), TRIES.pin)
  await p11tool(ok, PIN, ...wrong)
})

/** Answers the fingerprint of the client's certificate; refuses who has none of the issuer. */
async function startServer() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = await served.issuer.certifyServer(publicKey)
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const ca = readFileSync(served.issuer.path)
  const options = { key, cert: certificate.toString(), ca, requestCert: true, rejectUnauthorized: true }
  const https = createServer(options, (request, response) => {
    const { fingerprint256 } = (request.socket as TLSSocket).getPeerCertificate()
    response.end(`${(request.socket as TLSSocket).getProtocol()} ${fingerprint256}`)
  })
  https.listen(0, '127.0.0.1')
  await once(https, 'listening')
  const { port } = https.address() as AddressInfo
  return {
    port,
    url: `https://127.0.0.1:${port}/`,
    stop: () => {
      https.close()
      https.closeAllConnections()
    },
  }
}

for (const [version, how] of [
  ['1.2', ['--tls-max', '1.2']],
  ['1.3', ['--tlsv1.3']],
] as const) {
  test(`curl shows the certificate of the card, TLS ${version}`, async () => {
    for (const card of served.cards) {
      const client = ['--engine', 'pkcs11', '--key-type', 'ENG', '--key', keyOf(card, '9a')]
      const certificate = ['--cert-type', 'ENG', '--cert', uri(card.name, '9a', 'cert', pinFile)]
      const bounds = ['--silent', '--show-error', '--max-time', '15', '--cacert', served.issuer.path]
      const said = await ok('curl', [...bounds, ...how, ...client, ...certificate, server.url], engine)
      assert.is(said.stdout, `TLSv${version} ${card.certificate('9a').fingerprint256}`, said.all)
    }
  })
}

test('gnutls-cli shows the certificate of the card', async () => {
  const module = ['--provider', P11_KIT, '--x509cafile', served.issuer.path]
  const client = ['--x509certfile', uri(curve.name, '9a', 'cert'), '--x509keyfile', uri(curve.name, '9a', 'private')]
  const said = await ok('gnutls-cli', [...module, ...client, '--port', String(server.port), '127.0.0.1'], {
    env: { GNUTLS_PIN: PIN },
    input: 'GET / HTTP/1.0\r\nConnection: close\r\n\r\n',
  })
  says(said, new RegExp(`^TLSv1\\.3 ${curve.certificate('9a').fingerprint256}`, 'm'))
})

test('ssh: the public keys of both cards, and a login', () =>
  keysAndLogin(
    P11_KIT,
    [curve, prime].map((card) => card.publicKey('9a')),
    ['-o', `PKCS11Provider=${P11_KIT}`, '-o', 'IdentityAgent=none'],
    PIN,
  ))

test('NSS: the module, certificates and keys', async () => {
  const database = `sql:${tempDir('nss')}`
  await ok('certutil', ['-N', '-d', database, '--empty-password'])
  await ok('modutil', ['-dbdir', database, '-force', '-add', 'Tessera', '-libfile', P11_KIT])
  says(await ok('modutil', ['-dbdir', database, '-list', 'Tessera']), /Token Name: curve/)
  const of = ['-d', database, '-h', curve.name, '-f', pinFile]
  says(await ok('certutil', ['-L', ...of]), /curve:Certificate for PIV Authentication +u,u,u/)
  const { stdout: keys } = await ok('certutil', ['-K', ...of])
  assert.is(keys.match(/^<.*> /gm)?.length, SLOTS.length, keys)
})

test('Java: the keys and certificates of a card', async () => {
  if (!existsSync('/usr/bin/keytool')) return console.log('# skipped: Java: there is no keytool')
  const configuration = file(`name=Tessera\nlibrary=${P11_KIT}\nslotListIndex=0\n`)
  const store = ['-keystore', 'NONE', '-storetype', 'PKCS11', '-storepass:env', 'PIN']
  const provider = ['-addprovider', 'SunPKCS11', '-providerarg', configuration]
  const { stdout } = await ok('keytool', ['-list', ...store, ...provider], withPin)
  const entries = stdout.match(/PrivateKeyEntry/g)?.length
  assert.is(entries, SLOTS.length, stdout)
  assert.match(stdout, curve.certificate('9a').fingerprint256)
})

test('pkcs11-tool: a key in an empty slot, its certificate, and that deleted again', async () => {
  const make = ['--keypairgen', '--key-type', 'EC:prime256v1', '--id', '06']
  await ok('pkcs11-tool', [...loggedIn(curve), ...make], withPin)
  says(await refused('pkcs11-tool', [...loggedIn(curve), ...make], withPin), /CKR_ACTION_PROHIBITED|0x1b|rv = unknown/)
  const read = async (type: 'pubkey' | 'cert'): Promise<Buffer> => {
    const out = newFile()
    await ok('pkcs11-tool', [...on(curve), '--read-object', '--type', type, '--id', '06', '-o', out])
    return readFileSync(out)
  }
  const publicKey = createPublicKey({ key: await read('pubkey'), format: 'der', type: 'spki' })
  const certificate = await served.issuer.certify('83', publicKey, 'made by pkcs11-tool')
  const write = ['--write-object', file(certificate.raw), '--type', 'cert', '--id', '06']
  await ok('pkcs11-tool', [...loggedIn(curve), ...write], withPin)
  assert.equal(await read('cert'), certificate.raw)
  await ok('pkcs11-tool', [...loggedIn(curve), '--delete-object', '--type', 'cert', '--id', '06'], withPin)
  const found = labels((await ok('pkcs11-tool', [...on(curve), '--list-objects'])).stdout)
  assert.ok(found.includes('Retired KEY MAN 2'))
  assert.not.ok(found.includes('Retired Certificate for Key Management 2'))
  // A key is not deleted by a slip.
  await refused('pkcs11-tool', [...loggedIn(curve), '--delete-object', '--type', 'privkey', '--id', '06'], withPin)
})

test('pkcs11-tool: another PIN, and a new one by the PUK', async () => {
  const change = ['--change-pin', '--pin', secret('PIN'), '--new-pin', secret('NEW')]
  await ok('pkcs11-tool', [...on(prime), '--login', ...change], knowing({ PIN, NEW: NEW_PIN }))
  await prime.look((one) => one.verifyPin(NEW_PIN))
  const byPuk = ['--login', '--login-type', 'so', '--so-pin', secret('PUK'), '--init-pin', '--pin', secret('PIN')]
  await ok('pkcs11-tool', [...on(prime), ...byPuk], knowing({ PUK, PIN }))
  await prime.look((one) => one.verifyPin(PIN))
  await refused('pkcs11-tool', [...on(prime), ...byPuk], knowing({ PUK: WRONG_PUK, PIN }))
  assert.is((await prime.look((one) => one.pinStatus())).puk?.triesLeft, TRIES.puk - 1)
})

test('the same card in its reader, as a token: signatures, also of a key that wants the PIN for every use', async () => {
  const path = join(tempDir('reader'), 'pkcs11')
  const inReader = await servePkcs11([`reader:${prime.reader}`], { socket: path })
  const program = await RawProgram.ready(path)
  try {
    const session = await program.session()
    assert.is(await program.login(session, PIN), 'CKR_OK')
    const sign = async (id: number, before = async () => {}) => {
      const [key = 0] = await program.find(session, [CKA.class, CKO.privateKey], [CKA.id, Uint8Array.of(id)])
      const type = id === 2 ? 0x1044 : 0x40
      await program.call('C_SignInit', (request) => request.ulong(session).uint32(type).ulong(key))
      await before()
      return (await program.result('C_Sign', session, MESSAGE)) as Uint8Array
    }
    assert.ok(verify('sha256', MESSAGE, prime.publicKey('9a'), await sign(1)))
    const again = async () => assert.is(await program.login(session, PIN, 2), 'CKR_OK')
    const raw = { key: prime.publicKey('9c'), dsaEncoding: 'ieee-p1363' } as const
    assert.ok(verify('sha256', MESSAGE, raw, await sign(2, again)))
    assert.is(await sign(2).catch(({ rv }) => rv), 'CKR_USER_NOT_LOGGED_IN')
  } finally {
    await program.close()
    await inReader.close()
  }
})

test.run()
