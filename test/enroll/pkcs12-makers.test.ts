// takes: 60 s
// PKCS#12 as the programs of many makers write it: openssl in all its ways, NSS (Firefox), GnuTLS, Java, and files of
// Windows', macOS' and Red Hat's kinds; passphrases that are empty, and that are none.
import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { readPkcs12 } from '../../src/enroll/pkcs12.ts'
import { EXPORT_AGAIN } from '../../src/enroll/pkcs12-work.ts'
import { element } from '../../src/iso7816/der.ts'
import { readTlvs, tlv, unwrap } from '../../src/iso7816/tlv.ts'
import { oid } from '../../src/x509/oid.ts'
import { refused } from '../library/refusal.ts'
import { root } from '../runner/jobs.ts'
import { turnsDuring } from '../support/times.ts'
import { certificate, file, folder, openssl } from './support/openssl.ts'

const CA = ['basicConstraints=critical,CA:TRUE']

test.before(() => {
  certificate('ca', { extensions: CA })
  certificate('one', { kind: 'P-256', by: 'ca' })
  certificate('rsa', { kind: 'RSA-2048', by: 'ca' })
})

const run = (program: string, ...argv: string[]) => execFileSync(program, argv, { cwd: folder, stdio: 'pipe' })

function pack(name: string, passphrase: string, ...more: string[]): Uint8Array {
  const kept = ['-inkey', `${name}.key`, '-in', `${name}.pem`, '-certfile', 'ca.pem', '-name', name]
  openssl('pkcs12', '-export', ...kept, '-out', 'made.p12', '-passout', `pass:${passphrase}`, ...more)
  return file('made.p12')
}

async function opens(name: string, octets: Uint8Array, passphrase: string, certificates = 2): Promise<void> {
  const read = await readPkcs12(octets, utf8(passphrase))
  const key = createPrivateKey({ key: Buffer.from(read.privateKey), format: 'der', type: 'pkcs8' })
  assert.ok(key.equals(createPrivateKey(Buffer.from(file(`${name}.key`)))), name)
  assert.is(read.certificates.length, certificates)
}

const pbe = (certificates: string, key = certificates, ...more: string[]) => [
  ...['-legacy', '-certpbe', certificates, '-keypbe', key],
  ...more,
]
const WAYS: Readonly<Record<string, readonly string[]>> = {
  'openssl 3': [],
  'openssl 1, macOS': ['-legacy'],
  'openssl 0.9, IIS': pbe('PBE-SHA1-RC2-40', 'PBE-SHA1-RC2-128'),
  'Windows, 3DES': pbe('PBE-SHA1-3DES', 'PBE-SHA1-3DES', '-macalg', 'sha1'),
  'Windows 10, AES': pbe('AES-256-CBC', 'AES-256-CBC', '-macalg', 'sha256', '-iter', '2000'),
  'two keys of DES': pbe('PBE-SHA1-2DES'),
  RC4: pbe('PBE-SHA1-RC4-128', 'PBE-SHA1-RC4-40'),
  'DES of PBES2': pbe('DES-CBC', 'DES-EDE3-CBC'),
  Camellia: pbe('CAMELLIA-128-CBC', 'CAMELLIA-256-CBC'),
  'AES-192, MAC of SHA-512': pbe('AES-192-CBC', 'AES-128-CBC', '-macalg', 'sha512'),
  'MAC of SHA-384': pbe('AES-256-CBC', 'AES-256-CBC', '-macalg', 'sha384'),
  'MAC of SHA-224': pbe('NONE', 'NONE', '-macalg', 'sha224'),
  'MAC of MD5': pbe('NONE', 'PBE-SHA1-3DES', '-macalg', 'md5'),
  'no MAC': ['-nomac'],
}
for (const [maker, way] of Object.entries(WAYS)) {
  test(`openssl: ${maker}`, async () => {
    for (const passphrase of ['geheim', 'Größe 🔑', '']) await opens('one', pack('one', passphrase, ...way), passphrase)
  })
}

test('NSS: what Firefox exports now, and what it did with 600000 rounds, in less than two seconds of this processor', async () => {
  run('certutil', '-N', '-d', 'sql:.', '--empty-password')
  pack('rsa', 'geheim')
  run('pk12util', '-i', 'made.p12', '-d', 'sql:.', '-W', 'geheim')
  for (const way of [[], ['-c', 'DES-EDE3-CBC', '-C', 'RC2-CBC'], ['-c', 'AES-128-CBC', '-C', 'CAMELLIA-256-CBC']]) {
    run('pk12util', '-o', 'nss.p12', '-n', 'rsa', '-d', 'sql:.', '-W', 'geheim', ...way)
    await opens('rsa', file('nss.p12'), 'geheim')
  }
  // The ways of Firefox 59 to 110, at its number of rounds.
  const slow = pack('rsa', 'geheim', ...pbe('PBE-SHA1-RC2-40', 'PBE-SHA1-3DES', '-iter', '600000', '-macalg', 'sha1'))
  const before = process.cpuUsage()
  await opens('rsa', slow, 'geheim')
  const { user, system } = process.cpuUsage(before)
  console.log(`${Math.round((user + system) / 1000)} ms`)
  const turns = await turnsDuring(() => opens('rsa', slow, 'geheim'))
  assert.ok(turns >= 200, String(turns))
})

test('GnuTLS: every cipher, with a passphrase and with none', async () => {
  const template = ['--load-certificate', 'one.pem', '--load-ca-certificate', 'ca.pem', '--load-privkey', 'one.key']
  const ciphers = ['aes-128', 'aes-256', '3des', '3des-pkcs12', 'rc2-40', 'arcfour']
  for (const cipher of ciphers) {
    const how = ['--to-p12', '--outder', '--outfile', 'gnutls.p12', '--pkcs-cipher', cipher, '--p12-name', 'x']
    run('certtool', ...template, ...how, '--password', 'geheim')
    await opens('one', file('gnutls.p12'), 'geheim')
  }
  run('certtool', ...template, '--to-p12', '--outder', '--outfile', 'null.p12', '--p12-name', 'x', '--null-password')
  await opens('one', file('null.p12'), '')
})

test('Java: keytool, as it writes now and as it did', async () => {
  if (!existsSync('/usr/bin/keytool')) return console.log('# skipped: Java: there is no keytool')
  const legacy = '-J-Dkeystore.pkcs12.legacy'
  for (const way of [[], [legacy]]) {
    pack('one', 'geheim')
    const from = ['-srckeystore', 'made.p12', '-srcstoretype', 'pkcs12', '-srcstorepass', 'geheim']
    const to = ['-destkeystore', `java${way.length}.p12`, '-deststoretype', 'pkcs12', '-deststorepass', 'anders1']
    run('keytool', ...way, '-importkeystore', ...from, ...to, '-noprompt')
    await opens('one', file(`java${way.length}.p12`), 'anders1')
  }
})

/** Kept, since nothing in Debian writes them. */
const KEPT: ReadonlyArray<readonly [file: string, passphrase: string]> = [
  ['k09-rc4.p12', 'geheim77'],
  // RFC 9579, as OpenSSL 3.4 writes it.
  ['m01-pbmac1.p12', 'geheim77'],
  ['m02-nested.p12', 'geheim77'],
  ['k03-empty.p12', ''],
  // Of GnuTLS, with 600000 rounds; and RFC 7292, B.2, with no octets at all.
  ['k21-gnutls-null.p12', ''],
  ['m03-null.p12', ''],
]
for (const [name, passphrase] of KEPT) {
  test(`${name}: opens with its passphrase and with no other`, async () => {
    const octets = Uint8Array.from(readFileSync(join(root, 'test/enroll/pkcs12', name)))
    const { privateKey, certificates } = await readPkcs12(octets, utf8(passphrase))
    createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })
    assert.is(certificates.length, 1)
    const error = await refused('ERR_DATA', 2, () => readPkcs12(octets, utf8('another')))
    assert.match(error.message, 'passphrase is wrong')
  })
}

test('openssl before 1.1 took each octet of UTF-8 for a character', async () => {
  const old = Buffer.from('Größe', 'utf8').toString('latin1')
  await opens('one', pack('one', old, '-legacy'), 'Größe')
})

test('bags in bags are followed, but not without end', async () => {
  const plain = pack('one', '', '-nomac', '-certpbe', 'NONE', '-keypbe', 'NONE')
  const none = new Uint8Array(0)
  const nested = (depth: number) => {
    const [version, info] = readTlvs(unwrap(plain, 0x30))
    const [type, content] = readTlvs(info?.value ?? none)
    const safes = readTlvs(unwrap(unwrap(content?.value ?? none, 0x04), 0x30)).map(({ value }) => {
      const [kind, data] = readTlvs(value)
      let inner = unwrap(data?.value ?? none, 0x04)
      for (let at = 0; at < depth; at += 1)
        inner = tlv(0x30, tlv(0x30, oid('1.2.840.113549.1.12.10.1.6'), tlv(0xa0, inner)))
      return tlv(0x30, tlv(0x06, kind?.value ?? none), tlv(0xa0, tlv(0x04, inner)))
    })
    const data = tlv(0xa0, tlv(0x04, tlv(0x30, ...safes)))
    return tlv(0x30, tlv(0x02, version?.value ?? none), tlv(0x30, tlv(0x06, type?.value ?? none), data))
  }
  for (const depth of [0, 1, 5]) await opens('one', nested(depth), '')
  const error = await refused('ERR_DATA', 2, () => readPkcs12(nested(9), utf8('')))
  assert.match(error.message, 'nested too deeply')
})

test('a file longer than what a card takes', async () => {
  certificate('long', { kind: 'P-256', extensions: [`nsComment=${'x'.repeat(2000)}`] })
  execFileSync('sh', ['-c', 'for n in $(seq 60); do cat long.pem; done > many.pem'], { cwd: folder })
  const octets = pack('one', 'geheim', '-certfile', 'many.pem')
  assert.ok(octets.length > 0xffff)
  await opens('one', octets, 'geheim', 61)
})

test('what is written without bounds is refused', async () => {
  for (const wrong of ['x'.repeat(1025), 'x'.repeat(100_000)])
    await refused('ERR_DATA', 2, () => readPkcs12(pack('one', 'geheim'), utf8(wrong)))
  const algorithm = (salt: number) => {
    const parameters = tlv(0x30, element(0x04, new Uint8Array(salt)), tlv(0x02, Uint8Array.of(1)))
    return tlv(0x30, oid('1.2.840.113549.1.12.1.3'), parameters)
  }
  const key = (salt: number) => tlv(0x30, algorithm(salt), tlv(0x04, new Uint8Array(8)))
  const file = (salt: number) => {
    const bag = tlv(0x30, oid('1.2.840.113549.1.12.10.1.2'), tlv(0xa0, key(salt)))
    const data = oid('1.2.840.113549.1.7.1')
    const safe = tlv(0x30, data, tlv(0xa0, tlv(0x04, tlv(0x30, bag))))
    return tlv(0x30, tlv(0x02, Uint8Array.of(3)), tlv(0x30, data, tlv(0xa0, tlv(0x04, tlv(0x30, safe)))))
  }
  assert.match((await refused('ERR_DATA', 2, () => readPkcs12(file(8), utf8('x')))).message, 'passphrase')
  assert.match((await refused('ERR_DATA', 2, () => readPkcs12(file(5000), utf8('x')))).message, 'a salt of 5000')
})

test('the advice to export a file again works', async () => {
  pack('one', 'geheim', ...pbe('PBE-SHA1-RC4-128'))
  const [first = '', second = ''] = /: (openssl .*); (openssl .*)\.$/.exec(EXPORT_AGAIN)?.slice(1) ?? []
  const named = (line: string) =>
    line.replace('OLD', 'made.p12').replace('KEY.pem', 'key.pem').replace('NEW', 'new.p12')
  const argv = (line: string, ...more: string[]) => [...named(line).split(' ').slice(1), ...more]
  openssl(...argv(first, '-passin', 'pass:geheim', '-passout', 'pass:between'))
  openssl(...argv(second, '-passin', 'pass:between', '-passout', 'pass:new'))
  await opens('one', file('new.p12'), 'new')
})

test.run()
