// takes: 10 s
// PKCS#12 files of several makers: key and certificates come out as they went in, or there is one error for it.
import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { looksLikePkcs12, readPkcs12 } from '../../src/enroll/pkcs12.ts'
import { Pkcs12Work } from '../../src/enroll/pkcs12-work.ts'
import { readTlvs, tlv, unwrap } from '../../src/iso7816/tlv.ts'
import { refused } from '../library/refusal.ts'
import { turnsDuring } from '../support/times.ts'
import { certificate, derOf, file, folder, openssl } from './support/openssl.ts'

const PASSPHRASE = 'Größe 🔑'
const passphrase = new TextEncoder().encode(PASSPHRASE)
const CA = ['basicConstraints=critical,CA:TRUE']

test.before(() => {
  certificate('ca', { extensions: CA })
  for (const kind of ['P-256', 'P-384', 'RSA-2048'] as const) certificate(kind, { kind, by: 'ca' })
})

function pack(name: string, ...more: string[]): Uint8Array {
  const chain = ['-certfile', 'ca.pem', '-name', `my ${name}`]
  const kept = ['-inkey', `${name}.key`, '-in', `${name}.pem`, ...chain]
  openssl('pkcs12', '-export', ...kept, '-out', 'out.p12', '-passout', `pass:${PASSPHRASE}`, ...more)
  return file('out.p12')
}

async function opens(name: string, octets: Uint8Array): Promise<void> {
  assert.ok(looksLikePkcs12(octets))
  const { privateKey, certificates } = await readPkcs12(octets, passphrase)
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })
  assert.ok(key.equals(createPrivateKey(Buffer.from(file(`${name}.key`)))), name)
  const expected = [`${name}.pem`, 'ca.pem'].map((one) => Buffer.from(derOf(one)).toString('hex'))
  assert.equal(certificates.map((der) => Buffer.from(der).toString('hex')).sort(), expected.sort())
}

/** How openssl writes them now, how it did before version 3 (RC2 and 3DES), how Windows does, and without a MAC. */
const WAYS = [[], ['-legacy'], ['-certpbe', 'PBE-SHA1-3DES', '-keypbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'], ['-nomac']]

for (const name of ['P-256', 'P-384', 'RSA-2048']) {
  test(`openssl, ${name}`, async () => {
    for (const way of WAYS) await opens(name, pack(name, ...way))
  })
}

test('NSS, as Firefox exports it', async () => {
  const nss = (program: string, ...argv: string[]) => execFileSync(program, argv, { cwd: folder, stdio: 'pipe' })
  nss('certutil', '-N', '-d', 'sql:.', '--empty-password')
  nss('certutil', '-A', '-d', 'sql:.', '-n', 'ca', '-t', 'C,,', '-a', '-i', 'ca.pem')
  for (const name of ['P-256', 'RSA-2048']) {
    pack(name, '-name', name)
    nss('pk12util', '-i', 'out.p12', '-d', 'sql:.', '-W', PASSPHRASE)
    nss('pk12util', '-o', 'nss.p12', '-n', name, '-d', 'sql:.', '-W', PASSPHRASE)
    await opens(name, file('nss.p12'))
  }
})

test('another passphrase, and none', async () => {
  const octets = pack('P-256')
  for (const wrong of ['', 'Größe', 'Grosse 🔑', 'x'.repeat(1000)]) {
    await refused('ERR_DATA', 2, () => readPkcs12(octets, new TextEncoder().encode(wrong)))
  }
})

test('files that hold no key, or one of a kind that is not known', async () => {
  openssl('pkcs12', '-export', '-nokeys', '-in', 'ca.pem', '-out', 'out.p12', '-passout', `pass:${PASSPHRASE}`)
  const none = await refused('ERR_DATA', 2, () => readPkcs12(file('out.p12'), passphrase))
  assert.match(none.message, 'no private key')
  const small = [
    'req',
    '-x509',
    '-nodes',
    '-keyout',
    'ed.key',
    '-out',
    'ed.pem',
    '-subj',
    '/CN=ed',
    '-newkey',
    'ed25519',
  ]
  openssl(...small)
  const { privateKey } = await readPkcs12(pack('ed'), passphrase)
  assert.is(
    createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' }).asymmetricKeyType,
    'ed25519',
  )
})

test('what would take for ever is not begun', async () => {
  const octets = pack('P-256', '-iter', '9000', '-maciter')
  // The MAC ends with its count, 02 02 23 28: the same number of octets, and as good as for ever.
  const at = Buffer.from(octets).lastIndexOf(Buffer.from('02022328', 'hex'))
  const longer = Buffer.concat([octets.subarray(0, at), Buffer.from('02047fffffff', 'hex'), octets.subarray(at + 4)])
  const macAt = 11 + Buffer.from(octets).readUInt16BE(9)
  longer.writeUInt16BE(longer.readUInt16BE(2) + 2, 2)
  longer.writeUInt8(longer.readUInt8(macAt + 1) + 2, macAt + 1)
  const started = performance.now()
  const error = await refused('ERR_DATA', 2, () => readPkcs12(Uint8Array.from(longer), passphrase))
  assert.match(error.message, '2147483647 rounds')
  assert.ok(performance.now() - started < 60_000)
})

/** A file with so many more copies of its first part. */
function withMore(file: Uint8Array, count: number): Uint8Array {
  const none = new Uint8Array(0)
  const [version, info] = readTlvs(unwrap(file, 0x30))
  const [type, content] = readTlvs(info?.value ?? none)
  const safes = readTlvs(unwrap(unwrap(content?.value ?? none, 0x04), 0x30))
  const all = [...safes, ...Array.from({ length: count }, () => safes[0])].map((one) => tlv(0x30, one?.value ?? none))
  const data = tlv(0xa0, tlv(0x04, tlv(0x30, ...all)))
  return tlv(0x30, tlv(0x02, version?.value ?? none), tlv(0x30, tlv(0x06, type?.value ?? none), data))
}

// What a part costs: its rounds for each hash that a key is made of, and that an IV is.
for (const [way, rounds] of [
  [['-certpbe', 'AES-256-CBC', '-keypbe', 'NONE'], 1000],
  [['-certpbe', 'PBE-SHA1-3DES', '-keypbe', 'NONE'], 3000],
] as const) {
  test(`nor is what all parts together would take, where each would be short enough: ${way[1]}`, async () => {
    const octets = pack('P-256', '-nomac', '-iter', '1000', ...way)
    const read = (more: number) => readPkcs12(withMore(octets, more), passphrase, new Pkcs12Work(rounds * 8))
    assert.is((await read(7)).certificates.length, 16)
    const error = await refused('ERR_DATA', 2, () => read(8))
    assert.match(error.message, /9000 rounds of hashing .* Export it again: openssl pkcs12 /)
  })
}

test('and nobody is held up by the rounds that are made here', async () => {
  const octets = pack('P-256', '-certpbe', 'NONE', '-keypbe', 'NONE', '-iter', '150000')
  const turns = await turnsDuring(() => opens('P-256', octets))
  assert.ok(turns >= 200, String(turns))
})

test('what is damaged is refused, and quickly', async () => {
  assert.not(looksLikePkcs12(derOf('ca.pem')))
  assert.not(looksLikePkcs12(file('ca.pem')))
  assert.not(looksLikePkcs12(new Uint8Array(0)))
  const octets = pack('RSA-2048', '-nomac')
  for (let length = 0; length < octets.length; length += 37) {
    await refused('ERR_DATA', 2, () => readPkcs12(octets.slice(0, length), passphrase))
  }
})

test.run()
