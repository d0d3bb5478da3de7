// takes: 6 s
// What the owner of the TPM can do to P and U, and what it is worth to him. reference/pin-lock.md, 1 and 3.1.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CC } from '../support/codes.ts'
import { NV, RH } from '../support/templates.ts'
import { parseCommand, Reader, u32 } from '../support/wire.ts'
import { password } from '../support/witness.ts'
import { type Attacker, digestOf, OWN, OWN_TOO, pointsOf } from './support/attacker.ts'
import type { CardOwner } from './support/owner.ts'
import { type Attack, battery, onEach, refused, type Scene } from './support/rows.ts'
import {
  ANY_WRITE_APPROVED,
  ONE_INDEX_REF,
  OWNER_WRITES,
  PLATFORM_WRITES,
  UNSIGNED_FIRST_WRITE,
} from './support/tables.ts'

const LOCK_ATTRIBUTES = NV.pinFail | NV.noDa | NV.ownerRead | NV.policyWrite

/** A card whose owner has gone; the attacker has its file and the TPM. */
async function abandoned({ card }: Scene): Promise<CardOwner> {
  const owner = await card()
  await owner.vault.close()
  return owner
}

/** Guesses more often than the card allows. */
async function guessOn(attacker: Attacker, owner: CardOwner): Promise<void> {
  const policy = await attacker.policySession()
  for (let guess = 0; guess < owner.file.pin.tries + 3; guess += 1) {
    const answer = await refused(attacker.secret(policy, owner.file.pin.handle, OWN, 'use'))
    assert.is(answer, 'PolicySecret 0x9a2', 'the guess was compared')
  }
}

const writeLimit =
  (hierarchy: number): Attack =>
  async (scene) => {
    const owner = await abandoned(scene)
    await scene.attacker.write(owner.file.pin.handle, 1000, password(), hierarchy)
    await guessOn(scene.attacker, owner)
  }

const recreateAndWrite =
  (hierarchy: number): Attack =>
  async (scene) => {
    const owner = await abandoned(scene)
    await scene.attacker.recreate(owner.file.pin.handle, OWN)
    await scene.attacker.write(owner.file.pin.handle, 1000, password(), hierarchy)
    await scene.attacker.signWith(owner, OWN)
  }

/** Every way to write an index without a policy; none of them need work. */
async function tryToWrite(attacker: Attacker, handle: number): Promise<void> {
  for (const [by, auth] of [
    [RH.owner, password()],
    [RH.platform, password()],
    [handle, password(OWN)],
  ] as const) {
    await refused(attacker.write(handle, 1000, auth, by))
  }
}

/** What the wire showed of the first write of P: the policy, and K's signature that approves it. */
function leakedFirstWrite({ bench }: Scene) {
  const last = (command: string) => {
    const said = bench.proxy.wire.findLast(({ name, side }) => name === command && side === 'product')
    return new Reader(parseCommand(said?.command ?? new Uint8Array(0)).params)
  }
  const verified = last('VerifySignature')
  verified.tpm2b()
  return { policy: last('PolicyAuthorize').tpm2b(), signature: pointsOf(verified.rest()) }
}

battery([
  {
    id: 'A4',
    what: 'the owner writes a limit',
    held: 'NV_Write 0x149',
    weak: OWNER_WRITES,
    attack: writeLimit(RH.owner),
  },
  {
    id: 'A5',
    what: 'the platform writes a limit',
    held: 'NV_Write 0x149',
    weak: PLATFORM_WRITES,
    attack: writeLimit(RH.platform),
  },
  {
    id: 'E3, A6c',
    what: 'the owner deletes P, re-creates it, writes it and signs',
    held: 'NV_Write 0x149',
    weak: OWNER_WRITES,
    attack: recreateAndWrite(RH.owner),
  },
  {
    id: 'A6c',
    what: 'the same, written by the platform',
    held: 'NV_Write 0x149',
    weak: PLATFORM_WRITES,
    attack: recreateAndWrite(RH.platform),
  },
  {
    id: 'A6e',
    what: 'K approved something else',
    held: 'VerifySignature 0x2db',
    weak: ANY_WRITE_APPROVED,
    async attack(scene) {
      const { attacker } = scene
      const owner = await abandoned(scene)
      await attacker.recreate(owner.file.pin.handle, OWN)
      const policy = await attacker.policySession()
      await attacker.commandCode(policy, 'NV_Write')
      const wanted = digestOf(new Uint8Array(32), u32(CC.PolicyCommandCode), u32(CC.NV_Write))
      const signature = owner.file.approvals.changePin?.signature ?? new Uint8Array(64)
      await attacker.approve(policy, owner, { policy: wanted, signature })
      await attacker.writeAs(policy, owner.file.pin.handle, 1000)
      await attacker.signWith(owner, OWN)
    },
  },
  {
    id: 'A6f',
    what: 'the approval of the first write, off the wire, without K',
    held: 'PolicyAuthorize 0x1c4',
    weak: UNSIGNED_FIRST_WRITE,
    async attack(scene) {
      const { attacker } = scene
      const owner = await abandoned(scene)
      const leaked = leakedFirstWrite(scene)
      await attacker.recreate(owner.file.pin.handle, OWN)
      const policy = await attacker.policySession()
      await attacker.commandCode(policy, 'NV_Write')
      await attacker.approve(policy, owner, leaked)
      await attacker.writeAs(policy, owner.file.pin.handle, 1000)
      await attacker.signWith(owner, OWN)
    },
  },
  {
    id: 'A6h',
    what: 'a re-created P is tried with and without writing',
    held: 'PolicySecret 0x12f',
    weak: OWNER_WRITES,
    async attack(scene) {
      const owner = await abandoned(scene)
      await scene.attacker.recreate(owner.file.pin.handle, OWN)
      await tryToWrite(scene.attacker, owner.file.pin.handle)
      await scene.attacker.signWith(owner, OWN)
    },
  },
  {
    id: 'A6i',
    what: 'P re-created so that its new owner can write it',
    held: 'Sign 0x99d',
    weak: OWNER_WRITES,
    async attack(scene) {
      const owner = await abandoned(scene)
      await scene.attacker.recreate(owner.file.pin.handle, OWN, NV.ownerWrite)
      await scene.attacker.write(owner.file.pin.handle, 1000, password(), RH.owner)
      await scene.attacker.signWith(owner, OWN)
    },
  },
  {
    id: 'A7',
    what: 'a re-created U resets the PIN',
    held: 'PolicySecret 0x12f',
    weak: OWNER_WRITES,
    async attack(scene) {
      const { attacker, table } = scene
      const owner = await abandoned(scene)
      const { pin, puk } = owner.file
      await attacker.recreate(puk.handle, OWN)
      await tryToWrite(attacker, puk.handle)
      const policy = await attacker.policySession()
      await attacker.fulfil(policy, owner, 'unblockPin', table, { puk: OWN })
      await attacker.changeAuth(policy, pin.handle, OWN_TOO)
      await attacker.signWith(owner, OWN_TOO)
    },
  },
  {
    id: 'A1',
    what: 'who knows the PIN sets the PUK',
    held: 'NV_ChangeAuth 0x99d',
    weak: ONE_INDEX_REF,
    async attack(scene) {
      const { attacker, table } = scene
      const owner = await abandoned(scene)
      const { puk } = owner.file
      const policy = await attacker.policySession()
      await attacker.fulfil(policy, owner, 'changePin', table, { pin: owner.auth('pin', owner.pin) })
      await attacker.changeAuth(policy, puk.handle, OWN)
      await attacker.secret(policy, puk.handle, OWN, 'reset')
    },
  },
])

onEach('A6d no index of this type can be written by its authValue', async (scene) => {
  const { attacker } = scene
  const owner = await abandoned(scene)
  const { handle } = owner.file.pin
  assert.is(await refused(attacker.recreate(handle, OWN, NV.authWrite)), 'NV_DefineSpace 0x2c2')
  await attacker.define({ handle, attributes: LOCK_ATTRIBUTES, policy: new Uint8Array(32) }, OWN)
  assert.is(await refused(attacker.write(handle, 1000, password(OWN), handle)), 'NV_Write 0x12f')
})

onEach('A1 an approval for P is none for U', async (scene) => {
  const { attacker, table } = scene
  const owner = await abandoned(scene)
  const policy = await attacker.policySession()
  await attacker.secret(policy, owner.file.pin.handle, owner.auth('pin', owner.pin), 'change')
  await attacker.commandCode(policy, 'NV_ChangeAuth')
  assert.is(await refused(attacker.approve(policy, owner, 'changePin', 'U')), 'VerifySignature 0x2db')
  await attacker.step('PolicyRestart', policy)
  await attacker.fulfil(policy, owner, 'changePin', table, { pin: owner.auth('pin', owner.pin) })
  await attacker.changeAuth(policy, owner.file.pin.handle, OWN)
  await attacker.signWith(owner, OWN)
})

onEach('both indices have the attributes of docs/lock.md and no others', async (scene) => {
  const owner = await abandoned(scene)
  for (const role of ['pin', 'puk'] as const) {
    const { attributes } = await scene.attacker.area(owner.file[role].handle)
    assert.is(attributes, LOCK_ATTRIBUTES)
  }
})

test.run()
