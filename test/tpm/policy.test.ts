import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nvName, writtenName } from '../../src/tpm/codec/nv.ts'
import { objectName } from '../../src/tpm/codec/public.ts'
import { policyFacts } from '../../src/tpm/lock/context.ts'
import { LOCK } from '../../src/tpm/lock/table.ts'
import { counterResetCpHash, policyDigest } from '../../src/tpm/policy/digest.ts'
import type { Policy, Term } from '../../src/tpm/policy/terms.ts'
import { APPROVALS } from '../../src/tpm/store/card-file.ts'
import { Attacker, digestOf, helpDeskRef } from '../attacks/support/attacker.ts'
import { type Bench, startBench } from '../attacks/support/bench.ts'
import { type CardOwner, issueCard } from '../attacks/support/owner.ts'
import { CC } from '../support/codes.ts'
import { NV, nvPublic, nvWrite, pinCounter, RH } from '../support/templates.ts'
import { ascii, concat, EMPTY, hex, tpm2b, u8, u16, u32 } from '../support/wire.ts'
import { password } from '../support/witness.ts'

async function withCard(work: (bench: Bench, owner: CardOwner, tpm: Attacker) => Promise<void>): Promise<void> {
  const bench = await startBench('swtpm')
  const keys = { '9a': 'once', '9c': 'always', '9e': 'never' } as const
  const owner = await issueCard(bench, LOCK, { withHelpDesk: true, keys })
  await owner.vault.close()
  try {
    await work(bench, owner, new Attacker(bench.witness))
  } finally {
    await bench.stop()
  }
}

/** Runs the commands that a term means in a trial session, where no secret and no signature is compared. */
async function walk(tpm: Attacker, owner: CardOwner, policy: number, term: Term): Promise<void> {
  const { file } = owner
  switch (term.term) {
    case 'secret':
      await tpm.secret(policy, file[term.of].handle, owner.auth(term.of, owner[term.of]), term.ref)
      return
    case 'signed': {
      const key = term.by === 'burn' ? file.burnKey : (file.helpDeskKey ?? new Uint8Array(0))
      const ref = term.by === 'burn' ? ascii(term.ref) : helpDeskRef(file.cardId)
      const any = new Uint8Array(64).fill(1)
      await tpm.signed(policy, key, any, ref, 0, new Uint8Array(0))
      return
    }
    case 'command':
      await tpm.commandCode(policy, term.code)
      return
    case 'written':
      await tpm.step('PolicyNvWritten', policy, u8(1))
      return
    case 'counterReset': {
      const write = concat(u32(CC.NV_Write), file.pin.name, file.pin.name, nvWrite(pinCounter(0, file.pin.tries)))
      await tpm.step('PolicyCpHash', policy, tpm2b(digestOf(write)))
      return
    }
    case 'authorize':
      await tpm.withKey(file.burnKey, async (_, name) => {
        const approved = (await tpm.step('PolicyGetDigest', policy)).tpm2bWhole()
        const ticket = concat(u16(0x8022), u32(RH.owner), tpm2b(new Uint8Array(32)))
        await tpm.step('PolicyAuthorize', policy, approved, tpm2b(ascii(term.ref)), tpm2b(name), ticket)
      })
  }
}

async function digestInTpm(tpm: Attacker, owner: CardOwner, policy: Policy): Promise<string> {
  const { handle } = await tpm.witness.start('trial')
  for (const term of policy) await walk(tpm, owner, handle, term)
  const digest = (await tpm.step('PolicyGetDigest', handle)).tpm2b()
  await tpm.witness.flush(handle)
  return hex(digest)
}

const EACH: Readonly<Record<string, Policy>> = {
  'index P': LOCK.index.pin,
  'index U': LOCK.index.puk,
  'first write': LOCK.firstWrite,
  ...Object.fromEntries(APPROVALS.map((name) => [name, LOCK.approvals[name].policy])),
  once: LOCK.keys.once,
  always: LOCK.keys.always,
  never: LOCK.keys.never,
  written: [{ term: 'written' }],
  'signed by the help desk, then a secret': [
    { term: 'signed', by: 'helpDesk', ref: 'unblock' },
    { term: 'secret', of: 'puk', ref: 'x' },
  ],
  'authorised over something': [{ term: 'written' }, { term: 'authorize', ref: 'P' }, { term: 'written' }],
}

test('every policy of the lock has the digest that the TPM gives it', () =>
  withCard(async (_, owner, tpm) => {
    const facts = policyFacts(owner.file)
    for (const [name, policy] of Object.entries(EACH)) {
      assert.is(hex(policyDigest(policy, facts)), await digestInTpm(tpm, owner, policy), name)
    }
    for (const name of APPROVALS) {
      const stored = owner.file.approvals[name]?.policy ?? new Uint8Array(0)
      assert.is(hex(stored), await digestInTpm(tpm, owner, LOCK.approvals[name].policy), `stored ${name}`)
    }
  }))

test('no two policies of the lock are the same', () =>
  withCard(async (_, owner) => {
    const facts = policyFacts(owner.file)
    const digests = Object.values(EACH).map((policy) => hex(policyDigest(policy, facts)))
    assert.is(new Set(digests).size, digests.length)
  }))

test('what is not about the card does not change a digest, and what is does', () =>
  withCard(async (_, owner) => {
    const facts = policyFacts(owner.file)
    const other = (change: Partial<typeof facts>, policy: Policy): boolean =>
      hex(policyDigest(policy, { ...facts, ...change })) !== hex(policyDigest(policy, facts))
    const name = new Uint8Array(34).fill(1)
    const { once, always } = LOCK.keys
    const { unblockCounter, helpDeskPin, changePuk } = LOCK.approvals
    assert.ok(other({ pin: { ...facts.pin, name } }, once) && other({ pin: { ...facts.pin, name } }, always))
    assert.ok(other({ pin: { ...facts.pin, tries: 4 } }, unblockCounter.policy))
    assert.not.ok(other({ pin: { ...facts.pin, tries: 4 } }, once))
    assert.ok(other({ puk: { ...facts.puk, name } }, changePuk.policy))
    assert.ok(other({ cardId: new Uint8Array(16) }, helpDeskPin.policy))
    assert.not.ok(other({ cardId: new Uint8Array(16) }, once))
    assert.ok(other({ helpDeskName: name }, helpDeskPin.policy))
    assert.ok(other({ burnName: name }, LOCK.index.pin))
    assert.throws(() => policyDigest(helpDeskPin.policy, { ...facts, helpDeskName: undefined }), /help-desk key/)
  }))

test('Names: indices before and after their first write, K, H, and every key', () =>
  withCard(async (_, owner, tpm) => {
    const { file } = owner
    for (const role of ['pin', 'puk'] as const) assert.is(hex(file[role].name), hex(await tpm.name(file[role].handle)))

    const attributes = NV.pinFail | NV.noDa | NV.ownerRead | NV.ownerWrite | NV.policyWrite
    const authPolicy = digestOf(ascii('any'))
    const nv = { handle: 0x01800077, attributes, authPolicy, dataSize: 8 }
    const params = [EMPTY, nvPublic(nv.handle, attributes, authPolicy)]
    await tpm.witness.must('NV_DefineSpace', { handles: [RH.owner], params, auths: [password()] })
    assert.is(hex(nvName(nv)), hex(await tpm.name(nv.handle)), 'not written')
    await tpm.write(nv.handle, 3, password(), RH.owner)
    assert.is(hex(writtenName(nv)), hex(await tpm.name(nv.handle)), 'written')
    assert.is.not(hex(nvName(nv)), hex(writtenName(nv)))

    const facts = policyFacts(file)
    await tpm.withKey(file.burnKey, async (__, name) => assert.is(hex(name), hex(facts.burnName)))
    const helpDesk = file.helpDeskKey ?? new Uint8Array(0)
    await tpm.withKey(helpDesk, async (__, name) => assert.is(hex(name), hex(facts.helpDeskName ?? helpDesk)))
    for (const key of Object.values(file.keys)) {
      const handle = await tpm.load(key)
      assert.is(hex(objectName(key.public.slice(2))), hex(await tpm.name(handle)))
      await tpm.witness.flush(handle)
    }
    assert.is(hex(file.srk.name), hex(await tpm.name(file.srk.handle)))
  }))

test('the cpHash that an approval pins is that of NV_Write(P, P, {0, tries}, 0)', () =>
  withCard(async (_, owner) => {
    const { file } = owner
    const write = concat(u32(CC.NV_Write), file.pin.name, file.pin.name, tpm2b(u32(0), u32(3)), u16(0))
    assert.is(hex(counterResetCpHash(policyFacts(file))), hex(digestOf(write)))
  }))

test.run()
