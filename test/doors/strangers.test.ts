// takes: 30 s
// Programs of others on cards that `tessera serve --pcsc` serves: no pcscd and no vpcd runs, and none of them knows of us.
import { constants, createHash, diffieHellman, generateKeyPairSync, publicEncrypt, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NEUTRAL_ATR } from '../../src/piv/atr.ts'
import { startPkcs11 } from '../opensc/pkcs11.ts'
import { knowing, NAMES, OPENSC, secret, type UsedSlot } from '../strangers/support/opensc.ts'
import {
  PIN,
  type Served,
  type ServedCard,
  startServed,
  TRIES,
  triesLeft,
  WRONG_PIN,
} from '../strangers/support/served.ts'
import { keysAndLogin, WITH_CARD } from '../strangers/support/ssh.ts'
import { file, newFile, ok, type RunOptions, run, says } from '../strangers/support/tools.ts'
import { actions, ykman, yubicoTool } from '../strangers/support/yubico.ts'

let served: Served
let curve: ServedCard
let prime: ServedCard
test.before(async () => {
  served = await startServed(['curve', 'prime'], { way: 'socket' })
  const [first, second] = served.cards
  if (first === undefined || second === undefined) throw new Error('no cards')
  curve = first
  prime = second
})
test.after(() => served?.stop())

const MESSAGE = Buffer.from('what a stranger signs')
const withPin: RunOptions = knowing({ PIN })
const on = (card: ServedCard): string[] => ['--module', OPENSC, '--slot-description', card.reader]
const loggedIn = (card: ServedCard): string[] => [...on(card), '--login', '--pin', secret('PIN')]
const key = (card: ServedCard, slot: UsedSlot): string[] => [...loggedIn(card), '--id', NAMES[slot].id]

test('OpenSC: readers, slots and tokens', async () => {
  const { stdout: readers } = await ok('opensc-tool', ['--list-readers'])
  for (const { reader } of served.cards) assert.match(readers, reader)
  const { stdout } = await ok('pkcs11-tool', ['--module', OPENSC, '--list-slots'])
  for (const { reader, name } of served.cards) {
    assert.match(stdout, `: ${reader}\n`)
    assert.match(stdout, new RegExp(`token label +: ${name} 9a\n`))
  }
})

test('OpenSC: its own test of each card, and of its threads', async () => {
  for (const card of served.cards) {
    const { stdout, all } = await ok('pkcs11-tool', [...loggedIn(card), '--test'], withPin)
    assert.match(stdout, /^No errors$/m, all)
  }
  // The threads wait five seconds (P5), until the program has called C_Initialize: OpenSC 0.23 crashes when two threads are in
  // it at once, with a reader or without. Three threads then look at the token together, with the program itself.
  const threads = Array.from({ length: 3 }, () => ['--test-threads', 'P5:GI:SL:T0']).flat()
  const { all } = await ok('pkcs11-tool', [...on(curve), ...threads, '--list-slots'])
  assert.match(all, /^test_threads all threads have ended with CKR_OK$/m, all)
})

for (const [name, slot, mechanism] of [
  ['curve', '9a', 'ECDSA-SHA256'],
  ['curve', '9c', 'SHA256-RSA-PKCS-PSS'],
  ['prime', '9a', 'SHA256-RSA-PKCS'],
  ['prime', '9c', 'ECDSA-SHA256'],
] as const) {
  test(`OpenSC: ${name} ${slot} signs ${mechanism}`, async () => {
    const card = name === 'curve' ? curve : prime
    const out = newFile()
    const how = ['--sign', '--mechanism', mechanism, '--signature-format', 'openssl', '-i', file(MESSAGE), '-o', out]
    const said = await ok('pkcs11-tool', [...key(card, slot), ...how], withPin)
    const pss = mechanism.includes('PSS')
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : {}
    assert.ok(verify('sha256', MESSAGE, { key: card.publicKey(slot), ...pss }, readFileSync(out)), said.all)
  })
}

test('OpenSC: decrypts, and agrees on a secret', async () => {
  const [plain, out] = [Buffer.from('a secret of 25 characters'), newFile()]
  const padded = { key: prime.publicKey('9d'), padding: constants.RSA_PKCS1_PADDING }
  const encrypted = file(publicEncrypt(padded, plain))
  const decrypt = ['--decrypt', '--mechanism', 'RSA-PKCS', '--input-file', encrypted, '-o', out]
  await ok('pkcs11-tool', [...key(prime, '9d'), ...decrypt], withPin)
  assert.equal(readFileSync(out), plain)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [peer, agreed] = [file(publicKey.export({ type: 'spki', format: 'der' })), newFile()]
  const derive = ['--derive', '--mechanism', 'ECDH1-DERIVE', '--input-file', peer, '--output-file', agreed]
  await ok('pkcs11-tool', [...key(curve, '9d'), ...derive], withPin)
  assert.equal(readFileSync(agreed), diffieHellman({ privateKey, publicKey: curve.publicKey('9d') }))
})

test('two programs with sessions at once, and another one that resets the card', async () => {
  const [one, two] = [startPkcs11(curve.reader), startPkcs11(curve.reader)]
  for (const each of [one, two]) assert.equal(await each.ask({ do: 'login', pin: PIN }), {})
  const both = Promise.all([one.sign(1, 20, PIN), two.sign(1, 20, PIN)])
  for (let count = 0; count < 3; count += 1) await ok('opensc-tool', ['--reader', curve.reader, '--reset', '--atr'])
  for (const { signatures, errors } of await both) {
    for (const [number, signature] of signatures.entries()) {
      const digest = Buffer.from(`message ${number}`)
      const raw = { key: curve.publicKey('9a'), dsaEncoding: 'ieee-p1363' } as const
      assert.ok(verify('sha256', digest, raw, Buffer.from(signature ?? '', 'hex')), JSON.stringify(errors))
    }
    assert.ok(
      Object.keys(errors).every((error) => error === 'CKR_USER_NOT_LOGGED_IN'),
      JSON.stringify(errors),
    )
  }
  await one.stop()
  await two.stop()
  assert.is(await triesLeft(curve), TRIES.pin)
})

test('yubico-piv-tool: status, and its own tests of keys', async () => {
  const tool = yubicoTool(curve.reader)
  const status = await tool([], ...actions('status'))
  assert.is(status.code, 0, status.all)
  for (const slot of Object.keys(NAMES)) {
    assert.match(status.stdout, createHash('sha256').update(curve.certificate(slot).raw).digest('hex'))
  }
  for (const [slot, check] of [
    ['9a', 'test-signature'],
    ['9d', 'test-decipher'],
  ] as const) {
    const certificate = file(curve.certificate(slot).toString())
    const said = await tool([PIN], ...actions('verify-pin', check), '--slot', slot, '--input', certificate)
    assert.is(said.code, 0, said.all)
  }
  says(await tool([WRONG_PIN], ...actions('verify-pin')), new RegExp(`failed, ${TRIES.pin - 1} tries left`))
  says(await tool([PIN], ...actions('verify-pin')), /Successfully verified PIN/)
})

test('ykman: what is on the card', async () => {
  const said = await ykman(prime.reader)([], 'info')
  assert.is(said.code, 0, said.all)
  says(said, new RegExp(`^PIN tries remaining: +${TRIES.pin}`, 'm'))
  says(said, /Slot 9a/)
})

test('ssh: the public keys of both cards, and a login', () =>
  keysAndLogin(
    OPENSC,
    [curve, prime].map((card) => card.publicKey('9a')),
    WITH_CARD,
    PIN,
  ))

/** What pyscard says of a card: connections of each kind, an attribute, a change that is waited for, and one that is not. */
const PYSCARD = `
import sys
from smartcard.scard import *
from smartcard.util import toHexString
reader = sys.argv[1]
def good(result, *more):
    code, *rest = result if isinstance(result, (list, tuple)) else [result]
    assert code == SCARD_S_SUCCESS, SCardGetErrorMessage(code)
    return rest
[context] = good(SCardEstablishContext(SCARD_SCOPE_USER))
[other] = good(SCardEstablishContext(SCARD_SCOPE_USER))
[readers] = good(SCardListReaders(context, []))
assert reader in readers, readers
[states] = good(SCardGetStatusChange(context, 0, [(reader, SCARD_STATE_UNAWARE)]))
name, state, atr = states[0]
assert state & SCARD_STATE_PRESENT, state
print(toHexString(atr))
code, _ = SCardGetStatusChange(context, 1, [(reader, state & ~SCARD_STATE_CHANGED)])
assert code == SCARD_E_TIMEOUT, hex(code)
card, protocol = good(SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY))
assert protocol == SCARD_PROTOCOL_T1
second, _ = good(SCardConnect(other, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1))
code, _, _ = SCardConnect(other, reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1)
assert code == SCARD_E_SHARING_VIOLATION, hex(code)
[attribute] = good(SCardGetAttrib(card, SCARD_ATTR_ATR_STRING))
assert list(attribute) == list(atr)
good(SCardBeginTransaction(card))
[answer] = good(SCardTransmit(card, protocol, [0, 0xA4, 4, 0, 5, 0xA0, 0, 0, 3, 8, 0]))
print(toHexString(answer[-2:]))
good(SCardEndTransaction(card, SCARD_LEAVE_CARD))
good(SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, SCARD_RESET_CARD))
code, _ = SCardTransmit(second, protocol, [0, 0x20, 0, 0x80])
assert code == SCARD_W_RESET_CARD, hex(code)
good(SCardReconnect(second, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, SCARD_LEAVE_CARD))
good(SCardDisconnect(second, SCARD_LEAVE_CARD))
good(SCardDisconnect(card, SCARD_UNPOWER_CARD))
alone, _ = good(SCardConnect(context, reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1))
code, _, _ = SCardConnect(other, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1)
assert code == SCARD_E_SHARING_VIOLATION, hex(code)
good(SCardReleaseContext(context))
again, _ = good(SCardConnect(other, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1))
good(SCardReleaseContext(other))
print('done')
`

test('pyscard: contexts, connections of each kind, transactions, resets, changes', async () => {
  const said = await run('/usr/bin/python3', ['-c', PYSCARD, curve.reader])
  assert.is(said.code, 0, said.all)
  const atr = (Buffer.from(NEUTRAL_ATR).toString('hex').toUpperCase().match(/../g) ?? []).join(' ')
  assert.equal(said.stdout.trim().split('\n'), [atr, '90 00', 'done'])
})

test.run()
