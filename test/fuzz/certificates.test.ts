// time limit: 900 s
// takes: 30 s
// Damaged certificates, names, requests and key files: refused in words, and never anything else.
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, utf8 } from '../../src/bytes.ts'
import { checkIssued } from '../../src/enroll/check.ts'
import { describeCertificate } from '../../src/enroll/index.ts'
import { readPkcs12 } from '../../src/enroll/pkcs12.ts'
import { programVerdicts } from '../../src/enroll/programs.ts'
import { readCertificates } from '../../src/enroll/read.ts'
import { CardError, UsageError } from '../../src/index.ts'
import { TlvError } from '../../src/iso7816/tlv.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { readAlternativeNames, readSecurityIdentifier } from '../../src/x509/alternative-names.ts'
import { toDer } from '../../src/x509/ber.ts'
import { readCertificate } from '../../src/x509/certificate.ts'
import { parseName } from '../../src/x509/name.ts'
import { formatName } from '../../src/x509/name-text.ts'
import { readPurposes } from '../../src/x509/purposes.ts'
import { certificate, file, openssl } from '../enroll/support/openssl.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'

const full = [
  'basicConstraints=critical,CA:FALSE',
  'keyUsage=critical,digitalSignature',
  'extendedKeyUsage=clientAuth,1.3.6.1.4.1.311.20.2.2',
  'subjectAltName=email:a@b.c,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a@b,DNS:b,URI:http://b',
]
let seeds: Uint8Array[] = []
/** Whether something was done to it. */
const isNew = (octets: Uint8Array) => !seeds.some((seed) => equal(seed, octets))

test.before(() => {
  certificate('ca', { kind: 'RSA-2048', extensions: ['basicConstraints=critical,CA:TRUE'] })
  const leaf = certificate('leaf', { by: 'ca', subject: '/C=DE/O=Example/CN=Maria', extensions: full })
  openssl(
    'pkcs12',
    '-export',
    '-inkey',
    'leaf.key',
    '-in',
    'leaf.pem',
    '-out',
    'a.p12',
    '-passout',
    'pass:a',
    '-iter',
    '1',
  )
  openssl(
    'pkcs12',
    '-export',
    '-legacy',
    '-nomac',
    '-inkey',
    'leaf.key',
    '-in',
    'leaf.pem',
    '-out',
    'b.p12',
    '-passout',
    'pass:a',
    '-iter',
    '1',
  )
  const { extensions, subject } = readCertificate(leaf)
  seeds = [leaf, file('leaf.pem'), subject, ...extensions.map(({ value }) => value)]
})

test('certificates, in every part', async () => {
  const targets: ReadonlyArray<(octets: Uint8Array) => unknown> = [
    readCertificates,
    readCertificate,
    (octets) => programVerdicts(describeCertificate(octets), parseSlot('9a')),
    formatName,
    readAlternativeNames,
    readSecurityIdentifier,
    readPurposes,
    toDer,
  ]
  const taken = targets.map(() => 0)
  const all = async (octets: Uint8Array) => {
    for (const [at, target] of targets.entries()) {
      try {
        target(octets)
        if (isNew(octets)) taken[at] = (taken[at] ?? 0) + 1
      } catch (error) {
        if (!(error instanceof TlvError || (error instanceof CardError && error.code === 'ERR_DATA'))) throw error
      }
    }
  }
  await fuzz('certificates', seeds, FUZZ_SECONDS, all, { refusals: [] })
  console.log(`damaged ones that each took: ${taken}`)
  assert.ok(
    taken.every((times) => times > 20),
    `${taken}`,
  )
})

test('what OpenSSL takes for a certificate is described, whatever is odd in it', async () => {
  let [described, odd] = [0, 0]
  const target = (octets: Uint8Array) => {
    try {
      if (new X509Certificate(octets).raw.length !== octets.length) return
    } catch {
      return
    }
    const description = describeCertificate(octets)
    programVerdicts(description, parseSlot('9a'))
    described += isNew(octets) ? 1 : 0
    odd += description.oddities.length > 0 ? 1 : 0
  }
  await fuzz('odd certificates', seeds.slice(0, 1), FUZZ_SECONDS / 2, target, { refusals: [] })
  console.log(`${described} damaged ones were described, ${odd} as odd`)
  assert.ok(described > 100 && odd > 20, `${described} ${odd}`)
})

test('what a CA may send', async () => {
  const [leaf = new Uint8Array(0)] = seeds
  const key = { slot: parseSlot('9a'), publicKey: new X509Certificate(leaf).publicKey }
  const root = new Uint8Array(new X509Certificate(file('ca.pem')).raw)
  let [issued, beside] = [0, 0]
  const target = (octets: Uint8Array) => {
    try {
      checkIssued(key, octets, [octets, root], [root])
      issued += 1
    } catch (error) {
      if (!(error instanceof CardError)) throw error
    }
    checkIssued(key, leaf, [octets, root], [root])
    beside += isNew(octets) ? 1 : 0
  }
  await fuzz('issued', [leaf, root], FUZZ_SECONDS / 2, target, { refusals: [CardError] })
  console.log(`${issued} were taken, ${beside} damaged ones were passed over`)
  assert.ok(issued > 20 && beside > 100, `${issued} ${beside}`)
})

test('names as text: what is taken can be shown and taken again', async () => {
  const names = ['CN=Maria \\, Example+UID=m,O=a\\c3\\a4,C=DE', '1.2.3=#0c0161,DC=a', 'emailAddress=a@b.c'].map(utf8)
  let taken = 0
  const target = (octets: Uint8Array) => {
    const der = parseName(Buffer.from(octets).toString())
    const again = parseName(formatName(der))
    if (Buffer.compare(der, again) !== 0) throw new Error(`shown otherwise: ${formatName(der)}`)
    taken += 1
  }
  await fuzz('names', names, FUZZ_SECONDS / 2, target, { refusals: [UsageError] })
  console.log(`${taken} names were taken`)
  assert.ok(taken > 1000, `${taken}`)
})

test('PKCS#12', async () => {
  let opened = 0
  const target = async (octets: Uint8Array) => {
    await readPkcs12(octets, utf8('a'))
    opened += 1
  }
  await fuzz('PKCS#12', [file('a.p12'), file('b.p12')], FUZZ_SECONDS, target, { refusals: [CardError], slowest: 5000 })
  console.log(`${opened} files were opened`)
  assert.ok(opened > 20, `${opened}`)
})

test.run()
