// takes: 8 s
// Yubico's PKCS#11 module. It looks only into readers whose names begin with `Yubico`, and what a reader of vpcd is
// called is said in vpcd's configuration (FRIENDLYNAME).
import { verify, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { knowing, labels, library, NAMES, secret } from './support/opensc.ts'
import { PIN, type Served, type ServedCard, startServed, TRIES, triesLeft, WRONG_PIN } from './support/served.ts'
import { file, newFile, ok, refused, says } from './support/tools.ts'

const YKCS11 = library('libykcs11.so.2')
let served: Served
test.before(async () => {
  served = await startServed(['curve', 'prime'], { readers: 'Yubico Tessera' })
})
test.after(() => served?.stop())

const known = knowing({ PIN, WRONG_PIN })
const on = (at: number): string[] => ['--module', YKCS11, '--slot-index', String(at)]
const login = (pin: string): string[] => ['--login', '--pin', secret(pin)]
const card = (at: number): ServedCard => {
  const found = served.cards[at]
  if (found === undefined) throw new Error(`no card ${at}`)
  return found
}

test('slots and tokens', async () => {
  const said = await ok('pkcs11-tool', ['--module', YKCS11, '--list-slots'])
  for (const { reader } of served.cards) says(said, new RegExp(`^Slot \\d .*: ${reader}$`, 'm'))
  assert.is(said.stdout.match(/token label +: YubiKey PIV #\d+\n/g)?.length, 2, said.all)
})

const CERTIFICATES = {
  '9a': 'X.509 Certificate for PIV Authentication',
  '9c': 'X.509 Certificate for Digital Signature',
  '82': 'X.509 Certificate for Retired Key 1',
}

test('keys and certificates', async () => {
  for (const at of [0, 1]) {
    const how = [...on(at), ...login('PIN'), '--list-objects', '--type']
    const { stdout, all } = await ok('pkcs11-tool', [...how, 'privkey'], known)
    // And the key that attests.
    assert.is(labels(stdout).length, Object.keys(NAMES).length + 1, all)
    for (const [slot, label] of Object.entries(CERTIFICATES)) {
      const read = [...on(at), '--read-object', '--type', 'cert', '--label', label]
      const { octets } = await ok('pkcs11-tool', read)
      assert.is(new X509Certificate(octets).fingerprint256, card(at).certificate(slot).fingerprint256)
    }
  }
})

for (const [at, slot, mechanism] of [
  [0, '9a', 'ECDSA-SHA256'],
  [0, '9c', 'SHA256-RSA-PKCS'],
  [0, '9e', 'ECDSA-SHA256'],
  [1, '9a', 'SHA256-RSA-PKCS'],
  [1, '9c', 'ECDSA-SHA256'],
] as const) {
  test(`card ${at + 1} signs with ${slot}: ${mechanism}`, async () => {
    const [message, out] = [Buffer.from('a message'), newFile()]
    const how = ['--sign', '--mechanism', mechanism, '--signature-format', 'openssl', '--id', NAMES[slot].id]
    const words = [...on(at), ...login('PIN'), ...how, '--input-file', file(message), '--output-file', out]
    const said = await ok('pkcs11-tool', words, known)
    assert.ok(verify('sha256', message, card(at).publicKey(slot), readFileSync(out)), said.all)
  })
}

test("pkcs11-tool's test of a card finds no error", async () => {
  for (const at of [0, 1]) says(await ok('pkcs11-tool', [...on(at), ...login('PIN'), '--test'], known), /^No errors$/m)
})

test('a wrong PIN is a wrong one, a locked card a locked one', async () => {
  const words = (pin: string) => [...on(0), ...login(pin), '--list-objects']
  for (let tries = TRIES.pin - 1; tries >= 0; tries -= 1) {
    says(
      await refused('pkcs11-tool', words('WRONG_PIN'), known),
      tries > 0 ? /CKR_PIN_INCORRECT/ : /CKR_PIN_(INCORRECT|LOCKED)/,
    )
    assert.is(await triesLeft(card(0)), tries)
  }
  says(await refused('pkcs11-tool', words('PIN'), known), /CKR_PIN_LOCKED/)
})

test.run()
