// takes: 15 s
// PIN and PUK through OpenSC: a wrong one is a wrong one, the counters are right, and a blocked card is a blocked card.
import { verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { knowing, OPENSC, secret } from './support/opensc.ts'
import {
  NEW_PIN,
  NEW_PUK,
  PIN,
  PUK,
  type Served,
  type ServedCard,
  startServed,
  TRIES,
  triesLeft,
  WRONG_PIN,
  WRONG_PUK,
} from './support/served.ts'
import { file, newFile, ok, refused, type Said, says } from './support/tools.ts'

let served: Served
let card: ServedCard
test.before(async () => {
  served = await startServed(['curve'])
  const [only] = served.cards
  if (only === undefined) throw new Error('no card')
  card = only
})
test.after(() => served?.stop())

const known = knowing({ PIN, WRONG_PIN, NEW_PIN, PUK, WRONG_PUK, NEW_PUK })
const pkcs15 = (end: typeof ok, ...words: string[]): Promise<Said> => end('pkcs15-tool', words, known)
const left = (): Promise<number | undefined> => triesLeft(card)

async function signs(pin: string, end: typeof ok = ok): Promise<Said> {
  const [message, out] = [Buffer.from('a message'), newFile()]
  const how = ['--sign', '--mechanism', 'ECDSA-SHA256', '--signature-format', 'openssl', '--id', '01']
  const login = ['--module', OPENSC, '--login', '--pin', secret(pin)]
  const said = await end('pkcs11-tool', [...login, ...how, '-i', file(message), '-o', out], known)
  if (said.code === 0) assert.ok(verify('sha256', message, card.publicKey('9a'), readFileSync(out)), said.all)
  return said
}

/** What PKCS#11 says of the PIN of the token, between the flags that every card has. */
async function flags(): Promise<string[]> {
  const { stdout } = await ok('pkcs11-tool', ['--module', OPENSC, '--list-slots'])
  const usual = ['login required', 'rng', 'token initialized', 'PIN initialized']
  const all = /token flags +: (.*)/.exec(stdout)?.[1]?.split(', ') ?? []
  for (const flag of usual) assert.ok(all.includes(flag), stdout)
  return all.filter((flag) => !usual.includes(flag))
}

async function block(): Promise<void> {
  for (let tries = (await left()) ?? 0; tries > 0; tries -= 1) await signs('WRONG_PIN', refused)
}

test('a wrong PIN costs one try, the right one gives all back', async () => {
  assert.is(await left(), TRIES.pin)
  says(await signs('WRONG_PIN', refused), /C_Login failed: rv = CKR_PIN_INCORRECT \(0xa0\)/)
  says(await pkcs15(refused, '--verify-pin', '--pin', secret('WRONG_PIN')), /PIN code or key incorrect/)
  assert.is(await left(), TRIES.pin - 2)
  await pkcs15(ok, '--verify-pin', '--pin', secret('PIN'))
  assert.is(await left(), TRIES.pin)
  await signs('PIN')
})

test('the last try is announced, and then the card is locked', async () => {
  for (let tries = TRIES.pin - 1; tries > 0; tries -= 1) {
    // PIV says how many are left and not of how many: so there is no `count low`.
    assert.equal(await flags(), [])
    says(await signs('WRONG_PIN', refused), /CKR_PIN_INCORRECT/)
    assert.is(await left(), tries)
  }
  assert.equal(await flags(), ['final user PIN try'])
  await signs('PIN')
  assert.equal(await flags(), [])
  await block()
  assert.equal(await flags(), ['user PIN locked'])
  assert.is(await left(), 0)
})

test('a locked card takes no PIN, the right one neither', async () => {
  await block()
  for (const pin of ['WRONG_PIN', 'PIN']) {
    says(await signs(pin, refused), /C_Login failed: rv = CKR_PIN_LOCKED \(0xa4\)/)
    says(await pkcs15(refused, '--verify-pin', '--pin', secret(pin)), /Authentication method blocked/)
  }
  const change = ['--change-pin', '--pin', secret('PIN'), '--new-pin', secret('NEW_PIN')]
  says(await pkcs15(refused, ...change), /Authentication method blocked/)
})

test('the PUK gives it its tries and a new PIN; a wrong PUK says what is left', async () => {
  await block()
  const unblock = (puk: string) => ['--unblock-pin', '--puk', secret(puk), '--new-pin', secret('NEW_PIN')]
  says(await pkcs15(refused, ...unblock('WRONG_PUK')), new RegExp(`PUK code incorrect; tries left: ${TRIES.puk - 1}`))
  says(await signs('NEW_PIN', refused), /CKR_PIN_LOCKED/)
  await pkcs15(ok, ...unblock('PUK'))
  assert.equal(await flags(), [])
  assert.is(await left(), TRIES.pin)
  says(await signs('PIN', refused), /CKR_PIN_INCORRECT/)
  await signs('NEW_PIN')
})

test('PIN and PUK are changed', async () => {
  const change = (from: string, to: string) => ['--change-pin', '--pin', secret(from), '--new-pin', secret(to)]
  says(await pkcs15(refused, ...change('WRONG_PIN', 'PIN')), /PIN code incorrect; tries left: 4/)
  await pkcs15(ok, ...change('NEW_PIN', 'PIN'))
  says(await signs('NEW_PIN', refused), /CKR_PIN_INCORRECT/)
  await signs('PIN')
  // By PKCS#11, C_SetPIN.
  const words = ['--module', OPENSC, '--login', '--pin', secret('PIN'), '--change-pin', '--new-pin', secret('NEW_PIN')]
  await ok('pkcs11-tool', words, known)
  await signs('NEW_PIN')
  await pkcs15(ok, ...change('NEW_PIN', 'PIN'))
  await pkcs15(ok, '--auth-id', '02', ...change('PUK', 'NEW_PUK'))
  const unblock = (puk: string) => ['--unblock-pin', '--puk', secret(puk), '--new-pin', secret('PIN')]
  says(await pkcs15(refused, ...unblock('PUK')), /PUK code incorrect/)
  await pkcs15(ok, ...unblock('NEW_PUK'))
  await signs('PIN')
})

test('the default PIN, and one that is too short, are refused: nothing changes', async () => {
  for (const bad of ['12345678', '12345']) {
    const words = ['--change-pin', '--pin', secret('PIN'), '--new-pin', secret('BAD')]
    await refused('pkcs15-tool', words, knowing({ PIN, BAD: bad }))
    assert.is(await left(), TRIES.pin)
    await signs('PIN')
  }
})

test('a PUK that is blocked is blocked for good, and said to be', async () => {
  const unblock = (puk: string) => ['--unblock-pin', '--puk', secret(puk), '--new-pin', secret('NEW_PIN')]
  for (let left = TRIES.puk - 1; left > 0; left -= 1) {
    says(await pkcs15(refused, ...unblock('WRONG_PUK')), new RegExp(`tries left: ${left}`))
  }
  await pkcs15(refused, ...unblock('WRONG_PUK'))
  says(await pkcs15(refused, ...unblock('NEW_PUK')), /Authentication method blocked/)
  await signs('PIN')
})

test.run()
