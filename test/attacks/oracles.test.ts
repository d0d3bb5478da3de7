// takes: 6 s
// Ways to learn the PIN without spending tries: E5 and E6 of reference/pin-lock.md, section 1.2; section 4, "Sniffed
// unsalted HMAC". Searches here run over a part of the six-digit PINs; the whole takes seconds as well.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { authValue } from '../../src/tpm/lock/auth-value.ts'
import { CC } from '../support/codes.ts'
import { NV, pinCounter, RH } from '../support/templates.ts'
import { answerOutput, ascii, concat, fromHex, Reader, tpm2b, u16, u32 } from '../support/wire.ts'
import { password, session } from '../support/witness.ts'
import { type Attacker, digestOf, OWN, OWN_TOO } from './support/attacker.ts'
import { decryptParameter, fitHmac, pinsFrom, sessionUses } from './support/recorder.ts'
import { battery, Nothing, onEach, refused, type Scene } from './support/rows.ts'
import { PUBLIC_READ, UNSALTED } from './support/tables.ts'

const LIMIT = 3
/** What the searches below know of the PIN 131071 in advance. */
const KNOWN = process.env.TESSERA_TEST_LONG === '1' ? '' : '13'

/** NV_ChangeAuth as an oracle: more wrong guesses than the limit, each answered, and then the right one. */
async function guessByChange(attacker: Attacker, handle: number, right: Uint8Array): Promise<void> {
  const policy = await attacker.policySession()
  const change = async (guess: Uint8Array) => {
    await attacker.step('PolicyRestart', policy)
    await attacker.step('PolicyAuthValue', policy)
    await attacker.commandCode(policy, 'NV_ChangeAuth')
    const auths = [session(policy, { auth: guess })]
    await attacker.witness.must('NV_ChangeAuth', { handles: [handle], params: tpm2b(OWN_TOO), auths })
  }
  for (let guess = 0; guess < LIMIT + 5; guess += 1) {
    const answer = await refused(change(OWN))
    if (answer !== 'NV_ChangeAuth 0x9a2') throw new Nothing(answer)
  }
  await change(right)
  await attacker.secret(policy, handle, OWN_TOO, '')
}

/** The usual recipe: the index' authPolicy lets whoever knows the authValue change it. */
async function usualRecipe({ attacker }: Scene): Promise<void> {
  const handle = 0x01800042
  const policy = digestOf(
    digestOf(new Uint8Array(32), u32(CC.PolicyAuthValue)),
    u32(CC.PolicyCommandCode),
    u32(CC.NV_ChangeAuth),
  )
  const attributes = NV.pinFail | NV.noDa | NV.ownerRead | NV.ownerWrite | NV.policyWrite
  const pin = fromHex('5ec7e700'.repeat(8))
  await attacker.define({ handle, attributes, policy }, pin)
  await attacker.write(handle, LIMIT, password(), RH.owner)
  await guessByChange(attacker, handle, pin)
}

battery([
  {
    id: 'E5',
    what: 'NV_ChangeAuth by PolicyAuthValue answers any number of guesses',
    held: 'NV_ChangeAuth 0x99d',
    weak: usualRecipe,
    async attack({ attacker, card }) {
      const owner = await card()
      await guessByChange(attacker, owner.file.pin.handle, owner.auth('pin', owner.pin))
    },
  },
  {
    id: 'E6, A3',
    what: 'NV_Read with an encrypted answer gives the PIN away offline',
    held: 'NV_Read 0x12f',
    weak: PUBLIC_READ,
    async attack({ attacker, bench, card }) {
      const owner = await card({ pin: '131071' })
      const { pin, cardId } = owner.file
      const { handle: policy } = await attacker.witness.start('policy', { sym: 'aes128cfb', nonce: new Uint8Array(16) })
      await attacker.step('PolicyNvWritten', policy, Uint8Array.of(1))
      // the approval that the weaker lock has for everybody; here it is for U
      await refused(attacker.approve(policy, owner, 'changePuk'))
      const read = {
        handles: [pin.handle, pin.handle],
        params: [u16(8), u16(0)],
        auths: [session(policy, { flags: 0x41 })],
      }
      await attacker.witness.must('NV_Read', read)
      const use = sessionUses(bench.proxy.wire).at(-1)
      const hidden = new Reader(answerOutput(CC.NV_Read, use?.exchange.answer ?? new Uint8Array(0))).tpm2b()
      const plain = Buffer.from(pinCounter(0, LIMIT))
      const nonces = [use?.nonceAfter ?? new Uint8Array(0), use?.nonceCaller ?? new Uint8Array(0)] as const
      for (const guess of pinsFrom(KNOWN)) {
        const auth = authValue(cardId, 'pin', ascii(guess))
        if (plain.compare(decryptParameter(hidden, auth, ...nonces)) !== 0) continue
        assert.equal(await attacker.counter(pin.handle), [0, LIMIT], 'no try was spent')
        return attacker.signWith(owner, auth)
      }
      throw new Nothing('no PIN fits')
    },
  },
  {
    id: '4',
    what: 'the HMAC of a recorded PolicySecret is searched offline',
    held: 'no PIN fits',
    weak: UNSALTED,
    async attack({ attacker, bench, card }) {
      const owner = await card({ pin: '131071' })
      const { pin, cardId } = owner.file
      await owner.verifyPin()
      await owner.vault.close()
      const authOf = (guess: string) => authValue(cardId, 'pin', ascii(guess))
      const found = fitHmac(bench.proxy.wire, pin.name, pinsFrom(KNOWN), authOf)
      if (found === undefined) throw new Nothing('no PIN fits')
      await attacker.signWith(owner, authOf(found))
    },
  },
])

onEach('E5 a blocked PIN: right and wrong are answered alike, and nothing is counted', async ({ attacker, card }) => {
  const owner = await card({ pinTries: LIMIT })
  const { handle } = owner.file.pin
  const right = owner.auth('pin', owner.pin)
  const policy = await attacker.policySession()
  const guess = (auth: Uint8Array) => refused(attacker.secret(policy, handle, auth, 'change'))
  for (let wrong = 0; wrong < LIMIT; wrong += 1) assert.is(await guess(OWN), 'PolicySecret 0x9a2')
  for (const auth of [OWN, right, OWN, right]) assert.is(await guess(auth), 'PolicySecret 0x12f')
  assert.equal(await attacker.counter(handle), [LIMIT, LIMIT])
  assert.is(await refused(owner.verifyPin()), 'ERR_PIN_BLOCKED')
})

onEach('E6 no other command reads P for somebody without its policy', async ({ attacker, card }) => {
  const owner = await card()
  const { handle } = owner.file.pin
  const [policy, other] = [await attacker.policySession(), await attacker.policySession()]
  const nothing = concat(tpm2b(new Uint8Array(8)), u16(0), u16(0))
  const compare = { handles: [handle, handle, other], params: nothing, auths: [session(policy)] }
  assert.is(await refused(attacker.witness.must('PolicyNV', compare)), 'PolicyNV 0x12f')
  // whoever knows the PIN may; whoever guesses it spends a try as everywhere
  const guess = { ...compare, auths: [password(OWN)] }
  assert.is(await refused(attacker.witness.must('PolicyNV', guess)), 'PolicyNV 0x9a2')
  assert.equal(await attacker.counter(handle), [1, LIMIT])
})

test.run()
