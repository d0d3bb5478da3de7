// takes: 15 s
// Certificates that were made elsewhere: taken beside their key, refused beside any other, and nothing is changed then.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat } from '../../src/bytes.ts'
import { examineCertificates, importCertificate, requestCertificate } from '../../src/enroll/index.ts'
import { type Card, createCard } from '../../src/index.ts'
import { refused } from '../library/refusal.ts'
import { tempDir } from '../support/temp.ts'
import { certificate, derOf, file, openssl, type Wanted } from './support/openssl.ts'

const PIN = '135790'
let card: Card
const requests: Record<string, Uint8Array> = {}
const utf8 = (text: string) => new TextEncoder().encode(text)
const authentication = ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth']

test.before(async () => {
  card = await createCard({ name: 'work', tcti: 'embedded:', home: tempDir('home'), pin: PIN })
  await card.verifyPin(PIN)
  for (const slot of ['9a', '9c', '9d', '82']) {
    await card.generateKey(slot)
    requests[slot] = await requestCertificate(card, slot, { pin: PIN })
  }
  certificate('root', { extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign'] })
  certificate('middle', { by: 'root', extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign'] })
  certificate('stranger')
})
test.after(() => card?.close())

const forSlot = (slot: string, wanted: Wanted = {}) =>
  certificate(`leaf-${slot}`, {
    by: 'middle',
    extensions: authentication,
    request: requests[slot] ?? new Uint8Array(0),
    ...wanted,
  })

test('a leaf in DER, and then with its chain in PEM in any order, with strangers and words around it', async () => {
  const leaf = forSlot('9a')
  const plain = await importCertificate(card, '9a', leaf)
  assert.equal([plain.certificate, plain.chain, plain.others, plain.findings], [leaf, [], 0, []])
  assert.equal(await card.getCertificate('9a'), { certificate: leaf })
  const pem = ['stranger', 'root', 'leaf-9a', 'middle'].map(
    (name) => `subject of ${name}\n${Buffer.from(file(`${name}.pem`))}`,
  )
  const bundle = utf8(pem.join('\n').replaceAll('\n', '\r\n'))
  const { chain, others } = await importCertificate(card, '9a', bundle)
  assert.equal([chain, others], [[derOf('middle.pem'), derOf('root.pem')], 1])
  assert.equal(await card.getCertificate('9a'), { certificate: leaf, chain })
  const several = await importCertificate(card, '9a', [derOf('root.pem'), leaf, file('middle.pem')])
  assert.equal(several.chain, chain)
})

test('a missing link ends the chain, and what is above it is not kept', async () => {
  const { chain, others } = await importCertificate(card, '9a', [forSlot('9a'), derOf('root.pem')])
  assert.equal([chain, others], [[], 1])
})

test('of two for the same key the later one is taken', async () => {
  const old = forSlot('9a', { days: 10 })
  const renewed = forSlot('9a', { days: 40 })
  for (const given of [
    [old, renewed],
    [renewed, old],
  ]) {
    assert.equal((await importCertificate(card, '9a', given)).certificate, renewed)
  }
})

test('a large one is kept compressed, with a chain that is larger still', async () => {
  const long = `nsComment=${Array.from({ length: 300 }, (_, index) => `word${(index * index) % 977}`).join(' ')}`
  const leaf = forSlot('9a', { extensions: [...authentication, long] })
  assert.ok(leaf.length > 2000)
  await importCertificate(card, '9a', [leaf, derOf('middle.pem'), derOf('root.pem')])
  const found = await card.getCertificate('9a')
  assert.equal([found?.certificate, found?.chain?.length], [leaf, 2])
  assert.is((await card.getObject('certificate-9a'))?.at(-3), 0x01)
})

/** Runs `work`, which is refused, and looks that no certificate of the card was changed. */
async function unchanged(work: () => Promise<unknown>): Promise<void> {
  const all = () => Promise.all(['9a', '9c', '9d', '82'].map((slot) => card.getCertificate(slot)))
  const before = await all()
  await work()
  assert.equal(await all(), before)
}

test('one for another key is refused, and says whose it is and where to look', () =>
  unchanged(async () => {
    const leaf = forSlot('9a', { subject: '/CN=Maria Example' })
    for (const slot of ['9c', '9d', '82']) {
      const error = await refused('ERR_CERTIFICATE_KEY', 2, () => importCertificate(card, slot, leaf, { force: true }))
      assert.match(error.message, 'CN=Maria Example')
    }
    await refused('ERR_CERTIFICATE_KEY', 2, () =>
      importCertificate(card, '9a', [derOf('root.pem'), derOf('middle.pem')]),
    )
    await refused('ERR_KEY_ABSENT', 8, () => importCertificate(card, '83', leaf))
  }))

process.env.TZ = 'Asia/Tokyo'
const unfit: ReadonlyArray<readonly [string, string, Wanted, RegExp]> = [
  ['expired', '9a', { to: '20210101000000Z' }, /expired on 2021-01-01/],
  ['of tomorrow', '9a', { from: '20480101000000Z' }, /not valid before 2048-01-01 09:00:00 UTC\+09:00, by the clock/],
  ['signed with SHA-1', '9a', { hash: 'sha1' }, /signed by ECDSA with SHA-1, which is broken/],
  ['for another slot', '9d', {}, /digitalSignature, and slot 9d is for keyEncipherment or keyAgreement/],
  [
    'for decryption',
    '9a',
    { extensions: ['keyUsage=keyAgreement'] },
    /keyAgreement, and slot 9a is for digitalSignature/,
  ],
  ['of a CA', '9a', { extensions: ['basicConstraints=CA:TRUE'] }, /certificate of a CA/],
]

for (const [what, slot, wanted, says] of unfit) {
  test(`one that is ${what} is refused unless the caller means it`, async () => {
    const leaf = forSlot(slot, wanted)
    await unchanged(async () => {
      const error = await refused('ERR_CERTIFICATE_UNFIT', 7, () => importCertificate(card, slot, leaf))
      assert.match(error.message, says)
    })
    const { findings } = await importCertificate(card, slot, leaf, { force: true })
    assert.is(findings.length, 1)
    assert.equal((await card.getCertificate(slot))?.certificate, leaf)
  })
}

test('retired slots keep what is old: expired, and signed with SHA-1', async () => {
  for (const wanted of [{ to: '20210101000000Z' }, { hash: 'sha1' }]) {
    await importCertificate(card, '82', forSlot('82', { extensions: ['keyUsage=keyAgreement'], ...wanted }))
  }
})

test('what is no certificate is refused in words', () =>
  unchanged(async () => {
    const leaf = forSlot('9a')
    const pem = Buffer.from(file('leaf-9a.pem')).toString()
    const rows: ReadonlyArray<readonly [Uint8Array, RegExp]> = [
      [new Uint8Array(0), /neither PEM/],
      [utf8('hello'), /neither PEM/],
      [new Uint8Array(300 * 1024), /longer than 262144/],
      [leaf.slice(0, -1), /malformed/],
      [concat(leaf, Uint8Array.of(0)), /malformed|octets after/],
      [concat(leaf, leaf), /malformed|octets after/],
      [Uint8Array.of(0x30, 0x80, 0, 0), /malformed/],
      [utf8(pem.replace('MII', 'M!I')), /PEM is damaged/],
      [utf8(pem.replace('MII', 'MIIM')), /PEM is damaged/],
      [utf8(pem.replaceAll('CERTIFICATE', 'PUBLIC KEY')), /has a public key/],
      [utf8(pem.replaceAll('CERTIFICATE', 'CERTIFICATE REQUEST')), /has a certificate request/],
      [utf8(pem.replace('-----END CERTIFICATE-----', '')), /neither PEM/],
      [concat(utf8(pem), file('root.key')), /private key/],
      [utf8(pem.repeat(33)), /more than 32/],
      [concat(file('root.pem'), utf8('-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n')), /malformed/],
    ]
    for (const [octets, says] of rows) {
      const error = await refused('ERR_DATA', 2, () => importCertificate(card, '9a', octets, { force: true }))
      assert.match(error.message, says)
    }
  }))

test('one whose key is of a kind that cards do not have belongs to nobody', async () => {
  openssl('req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', 'ed.key', '-out', 'ed.pem', '-subj', '/CN=ed')
  await refused('ERR_CERTIFICATE_KEY', 2, () => importCertificate(card, '9a', file('ed.pem')))
})

test('without the PIN nothing is changed', async () => {
  await card.lock()
  await unchanged(() => refused('ERR_PIN_REQUIRED', 4, () => importCertificate(card, '9a', forSlot('9a'))))
})

test('a clock can be handed in', async () => {
  const key = await card.keyInfo('9a')
  assert.equal(examineCertificates(key, forSlot('9a'), new Date('2099-01-01')).findings.length, 1)
})

test.run()
