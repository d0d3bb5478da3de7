// takes: 3 s
// B3: somebody swaps an index while the card is made, between NV_DefineSpace and K's first write. The Names are equal,
// so no session sees it; only a proof of both secrets does. reference/pin-lock.md, section 5.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTpmCard } from '../../src/tpm/open.ts'
import type { Role } from '../../src/tpm/policy/terms.ts'
import type { CommandName } from '../support/codes.ts'
import { parseCommand, Reader, u32 } from '../support/wire.ts'
import { OWN, OWN_TOO } from './support/attacker.ts'
import { cardRequest } from './support/owner.ts'
import { battery, onEach, refused, type Scene } from './support/rows.ts'
import { UNPROVED } from './support/tables.ts'

const ORDER: readonly Role[] = ['puk', 'pin']

/** Swaps the index of `role` for one of the attacker's after the product's NV_DefineSpace, or its first NV_Write. */
function swapDuringCreation({ bench, attacker }: Scene, role: Role, after: CommandName): void {
  let seen = 0
  bench.proxy.hooks.onAnswer = async ({ name, command }) => {
    if (name !== after || ORDER[seen++] !== role) return
    const { handles, params } = parseCommand(command)
    await attacker.recreate(handles[1] ?? definedIn(params), OWN)
  }
}

/** The NV index in the parameters of TPM2_NV_DefineSpace: authValue, then public area. */
function definedIn(params: Uint8Array): number {
  const reader = new Reader(params)
  reader.tpm2b()
  return new Reader(reader.tpm2b()).u32()
}

battery([
  {
    id: 'B3 P',
    what: 'the PIN index is swapped before its first write',
    held: 'ERR_TPM_TAMPERED',
    weak: UNPROVED,
    async attack(scene) {
      swapDuringCreation(scene, 'pin', 'NV_DefineSpace')
      const owner = await scene.card()
      assert.is(await refused(owner.verifyPin()), 'ERR_PIN_WRONG', 'its owner notices, too late')
      await owner.vault.close()
      await scene.attacker.signWith(owner, OWN)
    },
  },
  {
    id: 'B3 U',
    what: 'the PUK index is swapped before its first write',
    held: 'ERR_TPM_TAMPERED',
    weak: UNPROVED,
    async attack(scene) {
      const { attacker, table } = scene
      swapDuringCreation(scene, 'puk', 'NV_DefineSpace')
      const owner = await scene.card()
      await owner.verifyPin() // nobody notices
      await owner.vault.close()
      const policy = await attacker.policySession()
      await attacker.fulfil(policy, owner, 'unblockPin', table, { puk: OWN })
      await attacker.changeAuth(policy, owner.file.pin.handle, OWN_TOO)
      await attacker.signWith(owner, OWN_TOO)
    },
  },
])

for (const role of ORDER) {
  for (const after of ['NV_DefineSpace', 'NV_Write'] as const) {
    onEach(`B3 after a swap of the ${role} index at ${after} nothing is left`, async (scene) => {
      const { attacker, bench } = scene
      swapDuringCreation(scene, role, after)
      assert.is(await refused(createTpmCard(bench.place, cardRequest({ name: 'swapped' }))), 'ERR_TPM_TAMPERED')
      const listed = await attacker.witness.must('GetCapability', { params: [u32(1), u32(0x01000000), u32(64)] })
      listed.take(5)
      assert.is(listed.u32(), 0, 'no NV index')
      const home = bench.place.home
      const left = readdirSync(home, { recursive: true, encoding: 'utf8' })
      assert.equal(
        left.filter((path) => /\.(card|journal)$/.test(join(home, path))),
        [],
      )
      bench.proxy.hooks = {}
      const again = await createTpmCard(bench.place, cardRequest({ name: 'swapped' }))
      await again.close()
    })
  }
}

test.run()
