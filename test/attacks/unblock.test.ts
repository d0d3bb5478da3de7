// takes: 8 s
// B1 and B2: what can be done with the approvals that give a PIN its tries back, by whoever holds the PUK or a response
// of the help desk and owns the TPM; and with a card that was destroyed. reference/pin-lock.md, section 5.
import { copyFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { destroyTpmCard } from '../../src/tpm/destroy.ts'
import { LOCK, type LockTable } from '../../src/tpm/lock/table.ts'
import { openTpmCard } from '../../src/tpm/open.ts'
import { CC } from '../support/codes.ts'
import { nvWrite, pinCounter } from '../support/templates.ts'
import { answerCode, command, concat, EMPTY, tpm2b, u8, u32 } from '../support/wire.ts'
import { type Attacker, digestOf, OWN, type Proofs } from './support/attacker.ts'
import { BACKENDS } from './support/bench.ts'
import { CardOwner, NEW_PIN } from './support/owner.ts'
import { decryptParameter, hmac } from './support/recorder.ts'
import { type Attack, battery, onEach, play, refused } from './support/rows.ts'
import { ANY_INDEX, ANY_INDEX_UNSALTED, ANY_VALUE, without } from './support/tables.ts'

type Way = 'puk' | 'helpDesk'
const NOTHING = new Uint8Array(0)
const COUNTER = { puk: 'unblockCounter', helpDesk: 'helpDeskCounter' } as const

/** What somebody can prove who holds the PUK, or whom the help desk answers. */
function proofs(attacker: Attacker, owner: CardOwner, way: Way): Proofs {
  if (way === 'puk') return { puk: owner.auth('puk', owner.puk) }
  return { signed: (policy) => attacker.answered(policy, owner) }
}

/** P is swapped for one of the attacker's between NV_ChangeAuth and NV_Write of the victim's own unblocking. */
const swapInFlight =
  (way: Way): Attack =>
  async ({ attacker, bench, card }) => {
    const owner = await card({ withHelpDesk: true })
    const { handle } = owner.file.pin
    bench.proxy.hooks.onCommand = async ({ name }) => {
      if (name === 'NV_Write') await attacker.recreate(handle, OWN)
      return undefined
    }
    await refused(way === 'puk' ? owner.unblock() : owner.unblockByHelpDesk())
    bench.proxy.hooks = {}
    await owner.vault.close()
    await attacker.signWith(owner, OWN)
  }

/** A deleted P is defined anew and written by the approval: "recovered". */
const recover =
  (way: Way): Attack =>
  async ({ attacker, card, table }) => {
    const owner = await card({ withHelpDesk: true })
    await owner.vault.close()
    const { handle, tries } = owner.file.pin
    await attacker.recreate(handle, OWN)
    const policy = await attacker.policySession()
    await attacker.fulfil(policy, owner, COUNTER[way], table, proofs(attacker, owner, way))
    await attacker.writeAs(policy, handle, tries)
    await attacker.signWith(owner, OWN)
  }

/** The card was destroyed; a copy of its file, and a response of the help desk, bring it back. */
const raise: Attack = async ({ attacker, card, table }) => {
  const owner = await card({ withHelpDesk: true })
  const area = await attacker.area(owner.file.pin.handle)
  const copy = owner.file
  await destroyed(owner)
  await attacker.define(area, OWN)
  const policy = await attacker.policySession()
  await attacker.fulfil(policy, owner, 'helpDeskCounter', table, proofs(attacker, owner, 'helpDesk'))
  await attacker.writeAs(policy, copy.pin.handle, copy.pin.tries)
  await attacker.signWith(owner, OWN)
}

/** Destroys a card; its file is put back. */
async function destroyed(owner: CardOwner): Promise<void> {
  copyFileSync(owner.path, `${owner.path}.copy`)
  await owner.vault.close()
  await destroyTpmCard(owner.place, owner.name, new Uint8Array(0))
  copyFileSync(`${owner.path}.copy`, owner.path)
}

const writeValue =
  (way: Way, limit: number): Attack =>
  async ({ attacker, card, table }) => {
    const owner = await card({ withHelpDesk: true })
    await owner.vault.close()
    const { handle } = owner.file.pin
    const policy = await attacker.policySession()
    await attacker.fulfil(policy, owner, COUNTER[way], table, proofs(attacker, owner, way))
    await attacker.writeAs(policy, handle, limit)
    assert.equal(await attacker.counter(handle), [0, limit])
  }

battery([
  {
    id: 'B1',
    what: 'P is swapped in the middle of unblocking by PUK',
    held: 'PolicySecret 0x12f',
    weak: ANY_INDEX_UNSALTED,
    attack: swapInFlight('puk'),
  },
  {
    id: 'B1',
    what: 'P is swapped in the middle of unblocking by help desk',
    held: 'PolicySecret 0x12f',
    weak: ANY_INDEX_UNSALTED,
    attack: swapInFlight('helpDesk'),
  },
  {
    id: 'B1, A6g',
    what: 'a deleted P is recovered by PUK',
    held: 'NV_Write 0x99d',
    weak: ANY_INDEX,
    attack: recover('puk'),
  },
  {
    id: 'B1',
    what: 'a deleted P is recovered by help desk',
    held: 'NV_Write 0x99d',
    weak: ANY_INDEX,
    attack: recover('helpDesk'),
  },
  { id: 'B1', what: 'a destroyed card is raised', held: 'NV_Write 0x99d', weak: ANY_INDEX, attack: raise },
  ...([1000, 0xffffffff] as const).flatMap((limit) =>
    (['puk', 'helpDesk'] as const).map((way) => ({
      id: 'B2',
      what: `${way} writes {0, ${limit}}`,
      held: 'NV_Write 0x99d',
      weak: ANY_VALUE,
      attack: writeValue(way, limit),
    })),
  ),
])

// PolicyNvWritten and PolicyCpHash (whose Name has WRITTEN set) each keep a re-created index from being written.
const [PUK_RESET] = LOCK.approvals.unblockCounter.policy
const either: Readonly<Record<string, LockTable>> = {
  written: ANY_VALUE,
  counterReset: without({
    approvals: {
      ...LOCK.approvals,
      unblockCounter: {
        ...LOCK.approvals.unblockCounter,
        policy: PUK_RESET === undefined ? [] : [PUK_RESET, { term: 'counterReset' }],
      },
    },
  }),
}
for (const [term, table] of Object.entries(either)) {
  for (const backend of BACKENDS) {
    test(`B1 ${term} alone keeps a deleted P dead (${backend})`, async () => {
      assert.equal(await play(backend, table, recover('puk')), { held: 'NV_Write 0x99d' })
    })
  }
}

onEach('B2 the value that is approved can be written, and no other place', async ({ attacker, card, table }) => {
  const owner = await card()
  const { pin, puk } = owner.file
  await refused(owner.verifyPin('999999'))
  await owner.vault.close()
  assert.equal(await attacker.counter(pin.handle), [1, pin.tries])
  const policy = await attacker.policySession()
  const secrets = { puk: owner.auth('puk', owner.puk) }
  await attacker.fulfil(policy, owner, 'unblockCounter', table, secrets)
  assert.is(await refused(attacker.writeAs(policy, puk.handle, pin.tries)), 'NV_Write 0x99d')
  await attacker.step('PolicyRestart', policy)
  await attacker.fulfil(policy, owner, 'unblockCounter', table, secrets)
  await attacker.writeAs(policy, pin.handle, pin.tries)
  assert.equal(await attacker.counter(pin.handle), [0, pin.tries])
})

/** A nonce for which an encrypting session without a secret turns `hidden` into a count of few and a limit of many. */
function nonceFor(hidden: Uint8Array, nonceTpm: Uint8Array): Uint8Array {
  const nonce = Buffer.alloc(16)
  for (let guess = 0; guess < 1e6; guess += 1) {
    nonce.writeUInt32BE(guess)
    const value = Buffer.from(decryptParameter(hidden, NOTHING, nonce, nonceTpm))
    if (value.readUInt32BE(0) < value.readUInt32BE(4) && value.readUInt32BE(4) >= 1e9) return Uint8Array.from(nonce)
  }
  throw new Error('no nonce')
}

// Not promised: cpHash is over the parameters as they cross, so a decrypting session of the PUK holder's own choice
// makes the TPM write something else, which he can draw again until he likes it. He cannot have {0, many} at will.
onEach('B2 not promised: who may give the tries back can draw another limit', async ({ attacker, card, table }) => {
  const owner = await card()
  await owner.vault.close()
  const { pin } = owner.file
  const policy = await attacker.policySession()
  await attacker.fulfil(policy, owner, 'unblockCounter', table, { puk: owner.auth('puk', owner.puk) })
  const hiding = await attacker.witness.start('hmac', { sym: 'aes128cfb', nonce: new Uint8Array(16) })
  const nonce = nonceFor(pinCounter(0, pin.tries), hiding.nonce)
  const params = nvWrite(pinCounter(0, pin.tries))
  const cpHash = digestOf(u32(CC.NV_Write), pin.name, pin.name, params)
  const areas = [
    concat(u32(policy), tpm2b(new Uint8Array(16)), u8(0x01), EMPTY),
    concat(u32(hiding.handle), tpm2b(nonce), u8(0x21), tpm2b(hmac(NOTHING, cpHash, nonce, hiding.nonce, u8(0x21)))),
  ]
  const answer = await attacker.witness.raw(command(CC.NV_Write, [pin.handle, pin.handle], params, areas))
  assert.is(answerCode(answer), 0)
  const [, limit] = await attacker.counter(pin.handle)
  assert.ok(limit >= 1e9, `limit ${limit}`)
})

onEach('B1 the product says what happened, and that the card is dead', async ({ attacker, bench, card }) => {
  const owner = await card({ withHelpDesk: true })
  const { handle } = owner.file.pin
  bench.proxy.hooks.onCommand = async ({ name }) => {
    if (name === 'NV_Write') await attacker.recreate(handle, OWN)
    return undefined
  }
  assert.is(await refused(owner.unblock()), 'ERR_CARD_DEAD')
  bench.proxy.hooks = {}
  assert.is(await refused(owner.verifyPin(NEW_PIN)), 'ERR_CARD_DEAD')
  assert.is(await refused(owner.unblock()), 'ERR_CARD_DEAD')
  assert.is(await refused(owner.unblockByHelpDesk()), 'ERR_CARD_DEAD')
})

onEach('a destroyed card stays dead: same PIN, same PUK, help desk', async ({ attacker, bench, card }) => {
  const owner = await card({ withHelpDesk: true })
  const { pin, puk } = owner.file
  const areas = [await attacker.area(pin.handle), await attacker.area(puk.handle)] as const
  await destroyed(owner)
  const secrets = [owner.auth('pin', owner.pin), owner.auth('puk', owner.puk)] as const
  const back = new CardOwner(
    owner.place,
    await openTpmCard(bench.place, owner.name),
    owner.pin,
    owner.puk,
    owner.helpDesk,
  )
  const acts = [() => back.verifyPin(), () => back.unblock(), () => back.unblockByHelpDesk()]
  for (const act of acts) assert.is(await refused(act()), 'ERR_CARD_DEAD')
  await attacker.define(areas[0], secrets[0])
  await attacker.define(areas[1], secrets[1])
  for (const act of acts) assert.is(await refused(act()), 'ERR_CARD_DEAD')
  await back.vault.close()
  assert.is(await refused(attacker.signWith(owner, secrets[0])), 'PolicySecret 0x12f')
})

test.run()
