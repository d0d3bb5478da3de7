// takes: 30 s
// OpenSC uses the keys: each mechanism that it has for them, checked by node:crypto against the certificate.
import { constants, createHash, diffieHellman, generateKeyPairSync, publicEncrypt, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { knowing, labels, NAMES, OPENSC, secret, type UsedSlot } from './support/opensc.ts'
import { PIN, type Served, type ServedCard, startServed } from './support/served.ts'
import { file, newFile, ok, type RunOptions } from './support/tools.ts'

let served: Served
test.before(async () => {
  served = await startServed(['curve', 'prime'])
})
test.after(() => served?.stop())

const MESSAGE = Buffer.from('what a stranger signs')
const withPin: RunOptions = knowing({ PIN })

function card(name: 'curve' | 'prime'): ServedCard {
  const found = served.cards.find((one) => one.name === name)
  if (found === undefined) throw new Error(name)
  return found
}

/** pkcs11-tool on one key, logged in. */
const words = (name: 'curve' | 'prime', slot: UsedSlot): string[] => [
  ...['--module', OPENSC, '--slot-description', card(name).reader, '--id', NAMES[slot].id],
  ...['--login', '--pin', secret('PIN')],
]

type Row = readonly [name: 'curve' | 'prime', slot: UsedSlot, mechanism: string, hash: string, ...more: string[]]

/** The message is hashed by OpenSC, and signed by the card. */
const HASHED: readonly Row[] = [
  ['prime', '9a', 'SHA256-RSA-PKCS', 'sha256'],
  ['prime', '9a', 'SHA512-RSA-PKCS', 'sha512'],
  ['prime', '9a', 'SHA256-RSA-PKCS-PSS', 'sha256'],
  ['prime', '9a', 'SHA384-RSA-PKCS-PSS', 'sha384'],
  ['prime', '9e', 'SHA256-RSA-PKCS', 'sha256'],
  ['curve', '9c', 'SHA256-RSA-PKCS', 'sha256'],
  ['curve', '9c', 'SHA256-RSA-PKCS-PSS', 'sha256'],
  ['curve', '9a', 'ECDSA-SHA256', 'sha256'],
  ['curve', '9a', 'ECDSA-SHA1', 'sha1'],
  ['curve', '9a', 'ECDSA-SHA384', 'sha384'],
  ['curve', '9a', 'ECDSA-SHA512', 'sha512'],
  ['curve', '9e', 'ECDSA-SHA256', 'sha256'],
  ['prime', '9c', 'ECDSA-SHA256', 'sha256'],
]

/** The digest is the program's; with PKCS#1 inside its DigestInfo (RFC 8017, 9.2). */
const SHA256_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex')
const DIGESTS: readonly Row[] = [
  ['curve', '9a', 'ECDSA', 'sha256'],
  ['prime', '9a', 'RSA-PKCS', 'sha256'],
  ['prime', '9a', 'RSA-PKCS-PSS', 'sha256', '--hash-algorithm', 'SHA256'],
]

async function signs([name, slot, mechanism, hash, ...more]: Row, input: Uint8Array): Promise<void> {
  const out = newFile()
  const how = ['--sign', '--mechanism', mechanism, '--signature-format', 'openssl', ...more]
  const said = await ok('pkcs11-tool', [...words(name, slot), ...how, '-i', file(input), '-o', out], withPin)
  const key = card(name).publicKey(slot)
  const pss = mechanism.includes('PSS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : {}
  assert.ok(verify(hash, MESSAGE, { key, ...pss }, readFileSync(out)), said.all)
}

for (const row of HASHED) test(`${row[0]} ${row[1]}: ${row[2]}`, () => signs(row, MESSAGE))
for (const row of DIGESTS) {
  test(`${row[0]} ${row[1]}: ${row[2]}, of a digest`, () => {
    const digest = createHash(row[3]).update(MESSAGE).digest()
    return signs(row, row[2] === 'RSA-PKCS' ? Buffer.concat([SHA256_INFO, digest]) : digest)
  })
}

test('without a login OpenSC sees and uses the key of the card alone', async () => {
  const how = ['--module', OPENSC, '--slot-description', card('prime').reader]
  const { stdout } = await ok('pkcs11-tool', [...how, '--list-objects', '--type', 'privkey'])
  assert.equal(labels(stdout), [NAMES['9e'].key])
  const tested = await ok('pkcs11-tool', [...how, '--test'])
  assert.match(tested.stdout, /testing key 0 \(CARD AUTH key\)/)
  assert.match(tested.stdout, /^No errors$/m, tested.all)
})

const RSA_KEYS = [
  ['prime', '9d'],
  ['curve', '82'],
] as const
for (const [name, slot] of RSA_KEYS) {
  test(`${name} ${slot}: decrypts what was encrypted to the certificate`, async () => {
    const key = card(name).publicKey(slot)
    const plain = Buffer.from('a secret of 25 characters')
    const oaep = ['--mechanism', 'RSA-PKCS-OAEP', '--hash-algorithm', 'SHA256', '--mgf', 'MGF1-SHA256']
    const ways = [
      [['--mechanism', 'RSA-PKCS'], publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, plain)],
      [oaep, publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, plain)],
    ] as const
    for (const [how, encrypted] of ways) {
      const out = newFile()
      const said = await ok(
        'pkcs11-tool',
        [...words(name, slot), '--decrypt', ...how, '--input-file', file(encrypted), '-o', out],
        withPin,
      )
      assert.equal(readFileSync(out), plain, said.all)
    }
  })
}

const EC_KEYS = [
  ['curve', '9d', 'P-256'],
  ['prime', '82', 'P-384'],
] as const
for (const [name, slot, curve] of EC_KEYS) {
  test(`${name} ${slot}: the same shared secret on both sides`, async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
    const [peer, out] = [file(publicKey.export({ type: 'spki', format: 'der' })), newFile()]
    const how = ['--derive', '--mechanism', 'ECDH1-DERIVE', '--input-file', peer, '--output-file', out]
    const said = await ok('pkcs11-tool', [...words(name, slot), ...how], withPin)
    const secretOfHost = diffieHellman({ privateKey, publicKey: card(name).publicKey(slot) })
    assert.equal(readFileSync(out), secretOfHost, said.all)
  })
}

for (const name of ['curve', 'prime'] as const) {
  test(`${name}: OpenSC's own test of a card finds no error`, async () => {
    const how = ['--module', OPENSC, '--slot-description', card(name).reader, '--login', '--pin', secret('PIN')]
    const { stdout, all } = await ok('pkcs11-tool', [...how, '--test'], withPin)
    assert.match(stdout, /^No errors$/m, all)
    // Random octets are the card's.
    assert.match(stdout, /seems to be OK/)
    assert.match(stdout, /RSA-PKCS-OAEP/)
  })
}

test.run()
