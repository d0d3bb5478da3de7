// takes: 10 s
// piv-tool manages the card with its admin key: keys, certificates, objects.
//
// OpenSC 0.23 has faults of its own here, mended since: external authentication (-A A:) ends in the tool, and the public
// key of -G is not written (OpenSC issues 2658, 3156), but the key is made; and its exit codes say little.
import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readPublicKey, toKeyObject } from '../../src/piv/public-key.ts'
import { knowing, NAMES, OPENSC, secret } from './support/opensc.ts'
import { ADMIN_KEY, PIN, type Served, type ServedCard, startServed } from './support/served.ts'
import { file, newFile, ok, run, type Said, says } from './support/tools.ts'

let served: Served
test.before(async () => {
  served = await startServed(['curve'])
})
test.after(() => served?.stop())

const card = (): ServedCard => {
  const [only] = served.cards
  if (only === undefined) throw new Error('no card')
  return only
}
const keyFile = file((ADMIN_KEY.match(/../g) ?? []).join(':'))
const wrongKeyFile = file((ADMIN_KEY.replace(/^01/, '02').match(/../g) ?? []).join(':'))

const pivTool = (words: readonly string[], key = keyFile): Promise<Said> =>
  run('piv-tool', words, { env: { PIV_EXT_AUTH_KEY: key } })
/** Mutual authentication with the admin key, AES-192, and then the rest. */
const MUTUAL = ['--admin', 'M:9B:0A']

/** What the card answered to a command by hand, as the tool prints it. */
function answer({ stdout, all }: Said): Uint8Array {
  const [, list = ''] = /Received \(SW1=0x90, SW2=0x00\):\n(.*)/s.exec(stdout) ?? []
  const octets = list.split('\n').flatMap((line) => line.slice(0, 3 * 16).match(/[0-9A-F]{2}(?= )/g) ?? [])
  assert.ok(octets.length > 0, all)
  return Uint8Array.from(octets, (octet) => Number.parseInt(octet, 16))
}

/** Whether OpenSC's signature with the key in 9e is one of `key`. */
async function signs(key: KeyObject): Promise<boolean> {
  const [message, out] = [Buffer.from('a message'), newFile()]
  const how = ['--sign', '--mechanism', 'SHA256-RSA-PKCS', '--id', NAMES['9e'].id]
  const login = ['--module', OPENSC, '--login', '--pin', secret('PIN')]
  await ok('pkcs11-tool', [...login, ...how, '-i', file(message), '-o', out], knowing({ PIN }))
  return verify('sha256', message, key, readFileSync(out))
}

/** What the card has as the certificate of 9e, read by another of OpenSC's programs. */
async function fingerprint(): Promise<string> {
  const { stdout } = await ok('pkcs15-tool', ['--read-certificate', NAMES['9e'].id])
  return new X509Certificate(stdout).fingerprint256
}

test('a key by a command by hand, its certificate by -C, a signature with it', async () => {
  const said = await pivTool([...MUTUAL, '-s', '00:47:00:9E:05:AC:03:80:01:07:00'])
  const key = toKeyObject(readPublicKey(answer(said)))
  const certificate = await served.issuer.certify('9e', key, 'by piv-tool')
  // The exit code of -C is a count of octets.
  await pivTool([...MUTUAL, '--cert', '9E', '--in', file(certificate.toString())])
  assert.is(await fingerprint(), certificate.fingerprint256)
  assert.ok(await signs(key))
})

test('a compressed certificate by -Z', async () => {
  const { certificate } = (await card().look((one) => one.getCertificate('9e'))) ?? {}
  assert.ok(certificate)
  const again = await served.issuer.certify('9e', new X509Certificate(certificate).publicKey, 'compressed')
  await pivTool([...MUTUAL, '--compresscert', '9E', '--in', file(gzipSync(again.raw))])
  assert.is(await fingerprint(), again.fingerprint256)
  const stored = await card().look((one) => one.getCertificate('9e'))
  assert.equal(Buffer.from(stored?.certificate ?? []), again.raw)
})

test('-G makes a key: the one before is gone', async () => {
  const { certificate = new Uint8Array(0) } = (await card().look((one) => one.getCertificate('9e'))) ?? {}
  const before = new X509Certificate(certificate).publicKey
  assert.ok(await signs(before))
  const out = newFile()
  const said = await pivTool([...MUTUAL, '--genkey', '9E:07', '--out', out])
  if (said.code !== 0) says(said, /gen_key unable to gen RSA/)
  else assert.ok(await signs(createPublicKey({ key: readFileSync(out), format: 'der', type: 'spki' })))
  assert.not(await signs(before))
})

test('an object by -O', async () => {
  const content = Uint8Array.of(0xba, 0x01, 0x55, 0xbb, 0x00, 0xfe, 0x00)
  const object = file(Uint8Array.of(0x53, content.length, ...content))
  await pivTool([...MUTUAL, '--object', '9000', '--in', object])
  assert.equal(await card().look((one) => one.getObject('security')), content)
})

test('without the admin key, or with another one, nothing is changed', async () => {
  const before = await fingerprint()
  const certificate = file((await served.issuer.certify('9e', card().publicKey('9a'), 'a thief')).toString())
  const put = ['--cert', '9E', '--in', certificate]
  // OpenSC leaves the admin key proved when it ends.
  await card().look((one) => one.lock())
  await pivTool(put)
  says(await pivTool([...MUTUAL, ...put], wrongKeyFile), /admin_mode failed/)
  says(await pivTool(['-s', '00:47:00:9E:05:AC:03:80:01:11:00']), /SW1=0x69, SW2=0x82/)
  assert.is(await fingerprint(), before)
})

test.run()
