// takes: 8 s
// TPMs that have no room, no patience or no PIN counters: a typed error, nothing left, and the cards go on.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Card, destroyCard, listCards } from '../../src/index.ts'
import { CC } from '../support/codes.ts'
import { ALG, create, eccStorage, NV, nvPublic, OBJECT, RH } from '../support/templates.ts'
import { ascii, command, EMPTY, refusal, tpm2b, u16, u32 } from '../support/wire.ts'
import { password } from '../support/witness.ts'
import { type Bench, KINDS, NEW_PIN, onBench, PIN, PUK, WRONG_PIN } from './bench.ts'
import { refused } from './refusal.ts'
import { nvIndices, signingKey } from './tpm-view.ts'
import { assertSigned } from './verify.ts'

const data = new Uint8Array(100)
const SRK = 0x81000001
const none = new Uint8Array(0)

async function signs(card: Card, slot = '9a'): Promise<void> {
  assertSigned((await card.keyInfo(slot)).publicKey, data, await card.sign(slot, data))
}

async function withKey(bench: Bench): Promise<Card> {
  const card = await bench.create()
  await card.verifyPin(PIN)
  for (const slot of ['9a', '9c', '9e']) await card.generateKey(slot)
  await card.verifyPin(PIN)
  await signs(card)
  return card
}

test('NV full: a typed error, nothing is left, and room for another card is enough', () =>
  onBench('swtpm', async (bench) => {
    await (await withKey(bench)).close()
    const witness = await bench.witness()
    const filler = (index: number, size: number) =>
      witness.rc('NV_DefineSpace', {
        handles: [RH.owner],
        params: [EMPTY, nvPublic(index, NV.ownerWrite | NV.ownerRead, none, size)],
        auths: [password()],
      })
    const free = (index: number) =>
      witness.must('NV_UndefineSpace', { handles: [RH.owner, index], auths: [password()] })
    let index = 0x01c00000 // beyond the owner's range, where cards are
    const defined: number[] = []
    for (let size = 2048; size >= 8; ) {
      const rc = await filler(index, size)
      if (rc === 0) defined.push(index++)
      else {
        assert.is(rc, 0x14b)
        size = Math.floor(size / 2)
      }
    }
    const ours = async () => (await nvIndices(bench.transmit)).filter((handle) => handle < 0x01c00000)
    const before = await ours()
    const { proxy } = bench
    if (proxy === undefined) throw new Error('no proxy')
    // Fewer and fewer octets are left to others, until a card has room: then one of its two indices had it before.
    const asked = new Set<number>()
    await free(defined.pop() ?? 0)
    for (let size = 500; ; size -= 20) {
      assert.ok(size > 8, 'a card has room in the end')
      if ((await filler(index, size)) !== 0) continue
      proxy.clear()
      const made = await bench.create({ name: 'second' }).catch((error: unknown) => error)
      await free(index)
      if (made instanceof Card) {
        await made.close()
        break
      }
      await refused('ERR_TPM_NV_FULL', 9, () => Promise.reject(made))
      asked.add(proxy.counts().NV_DefineSpace ?? 0)
      assert.equal(await ours(), before)
      assert.equal(await bench.loaded(), { objects: 0, sessions: 0 })
      assert.is((await listCards({ home: bench.home })).length, 1)
    }
    assert.equal([...asked].sort(), [1, 2])
    const card = await bench.open()
    await card.verifyPin(PIN)
    await signs(card)
    await card.close()
  }))

/** Puts the TPM into dictionary-attack lockout: one failure at a key that counts them is enough. */
async function lockOut(bench: Bench): Promise<void> {
  const witness = await bench.witness()
  await witness.must('DictionaryAttackParameters', {
    handles: [RH.lockout],
    params: [u32(1), u32(1000), u32(1000)],
    auths: [password()],
  })
  const made = await witness.must('CreatePrimary', {
    handles: [RH.owner],
    params: create(signingKey(), ascii('its password')),
    auths: [password()],
  })
  const key = made.u32()
  const sign = {
    handles: [key],
    params: [tpm2b(new Uint8Array(32)), u16(ALG.ecdsa), u16(ALG.sha256), u16(0x8024), u32(RH.null), EMPTY],
    auths: [password(ascii('another'))],
  }
  assert.is(await witness.rc('Sign', sign), 0x98e)
  assert.is(await witness.rc('Sign', sign), 0x921, 'locked out')
  await witness.flush(key)
}

for (const kind of KINDS) {
  test(`${kind}: in dictionary-attack lockout a card works as ever, and does not add to it`, () =>
    onBench(kind, async (bench) => {
      const card = await withKey(bench)
      await lockOut(bench)
      await card.verifyPin(PIN)
      for (const slot of ['9c', '9a', '9e']) await signs(card, slot)
      await refused('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN))
      await card.unblockPin({ puk: PUK, newPin: NEW_PIN })
      await card.verifyPin(NEW_PIN)
      await card.generateKey('82')
      await card.close()
      const other = await bench.create({ name: 'made-in-lockout' })
      await other.close()
      await destroyCard('work', { home: bench.home })
    }))
}

test('a storage key that counts failures cannot be used in lockout: words, and it goes on afterwards', () =>
  onBench('swtpm', async (bench) => {
    const witness = await bench.witness()
    const noDa = eccStorage()
    // TPM2B_PUBLIC: size, type, nameAlg, then the attributes, of which noDA is taken away
    noDa[8] = (noDa[8] ?? 0) & ~(OBJECT.noDa >> 8)
    const made = await witness.must('CreatePrimary', { handles: [RH.owner], params: create(noDa), auths: [password()] })
    const primary = made.u32()
    await witness.must('EvictControl', { handles: [RH.owner, primary], params: u32(SRK), auths: [password()] })
    await witness.flush(primary)
    const card = await withKey(bench)
    await card.close()
    const again = await bench.open()
    await again.verifyPin(PIN)
    await lockOut(bench)
    await again.verifyPin(PIN)
    const error = await refused('ERR_TPM_LOCKOUT', 9, () => again.sign('9a', data))
    assert.match(error.message, 'tpm2_dictionarylockout')
    // Nor is the key of a card file's seal opened.
    await refused('ERR_TPM_LOCKOUT', 9, () => bench.open())
    await refused('ERR_TPM_LOCKOUT', 9, () => again.generateKey('82'))
    await refused('ERR_TPM_LOCKOUT', 9, () => bench.create({ name: 'second' }))
    assert.is((await listCards({ home: bench.home })).length, 1)
    assert.is((await nvIndices(bench.transmit)).length, 2)
    await witness.must('DictionaryAttackLockReset', { handles: [RH.lockout], auths: [password()] })
    await again.verifyPin(PIN)
    await signs(again)
    await again.close()
  }))

test('a TPM without PIN counters: a clear refusal, and nothing left', () =>
  onBench('swtpm', async (bench) => {
    const { proxy } = bench
    if (proxy === undefined) throw new Error('no proxy')
    // TPM_RC_ATTRIBUTES and TPM_RC_RESERVED_BITS and TPM_RC_VALUE, about the second parameter and about nothing
    for (const rc of [0x2c2, 0x082, 0x2e1, 0x0a1, 0x2c4]) {
      proxy.hooks = {
        // The TPM itself is asked something that does nothing.
        onCommand: ({ name }) => (name === 'NV_DefineSpace' ? command(CC.GetRandom, [], u16(1)) : undefined),
        onAnswer: ({ name }) => (name === 'NV_DefineSpace' ? refusal(rc) : undefined),
      }
      const error = await refused('ERR_TPM_NO_PIN_INDEX', 8, bench.create)
      assert.match(error.message, 'TPM_NT_PIN_FAIL')
      proxy.hooks = {}
      assert.equal(await nvIndices(bench.transmit), [])
      assert.equal(await listCards({ home: bench.home }), [])
      assert.equal(await bench.loaded(), { objects: 0, sessions: 0 })
    }
    await (await bench.create()).close()
  }))

test.run()
