// takes: 4 s
// B7: the storage key that every session is salted to is not the TPM's own. reference/pin-lock.md, section 5.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { acquireDevice, releaseDevice } from '../../src/tpm/devices.ts'
import { authValue } from '../../src/tpm/lock/auth-value.ts'
import { provision } from '../../src/tpm/lock/provision.ts'
import { LOCK } from '../../src/tpm/lock/table.ts'
import { createTpmCard, openTpmCard } from '../../src/tpm/open.ts'
import { create, eccKey, RH } from '../support/templates.ts'
import { ascii, concat, u16, u32 } from '../support/wire.ts'
import { password } from '../support/witness.ts'
import { digestOf, OWN, SRK } from './support/attacker.ts'
import { evict, ForeignSrk, persist } from './support/foreign-srk.ts'
import { cardRequest, PIN, PUK } from './support/owner.ts'
import { knowsKey, readSecret } from './support/recorder.ts'
import { type Attack, battery, onEach, refused } from './support/rows.ts'

/**
 * The lock is made under a storage key that nobody checked: creation without its first step. The TPM refuses to make the
 * key of the seal under it, but by then the authValue of the PIN can be read.
 */
const unchecked: Attack = async ({ attacker, bench }) => {
  const foreign = new ForeignSrk()
  await foreign.plant(attacker)
  const device = await acquireDevice({ tcti: bench.proxy.tcti, stateFile: '', createState: false })
  const area = foreign.area()
  const srk = { handle: SRK, area, name: concat(u16(0x0b), digestOf(area)) }
  const cardId = new Uint8Array(16).fill(3)
  const lock = {
    cardId,
    pin: { auth: authValue(cardId, 'pin', ascii(PIN)), tries: 3 },
    puk: { auth: authValue(cardId, 'puk', ascii(PUK)), tries: 3, present: true },
    ownerPassword: new Uint8Array(0),
    reserved: new Set<number>(),
  }
  const secret = Uint8Array.from(lock.pin.auth)
  assert.is(await refused(device.exclusive(() => provision(device, srk, lock, LOCK, async () => {}))), 'Create 0x2c2')
  await releaseDevice(device)
  assert.equal(
    readSecret(bench.proxy.wire, 'NV_DefineSpace', (start) => foreign.sessionKey(start)),
    secret,
  )
}

battery([
  {
    id: 'B7',
    what: 'a storage key with a known private half at 0x81000001',
    held: 'ERR_TPM_SRK',
    weak: unchecked,
    async attack({ attacker, bench }) {
      const foreign = new ForeignSrk()
      await foreign.plant(attacker)
      const vault = await createTpmCard(bench.place, cardRequest())
      const read = readSecret(bench.proxy.wire, 'NV_DefineSpace', (start) => foreign.sessionKey(start))
      await attacker.secret(await attacker.policySession(), vault.card.pin.handle, read, 'use')
    },
  },
  {
    // The second run is what is not promised: at first use the key that is shown is trusted.
    id: 'B7',
    what: 'another storage key is shown on the wire to a card that has pinned its own',
    held: 'ERR_CARD_OTHER_TPM',
    async weak({ attacker, bench }) {
      const foreign = new ForeignSrk()
      foreign.intercept(bench.proxy)
      await refused(createTpmCard(bench.place, cardRequest()))
      const { wire } = bench.proxy
      assert.ok(knowsKey(wire, 'NV_DefineSpace', [u32(RH.owner)], (start) => foreign.sessionKey(start)))
      assert.not.ok(knowsKey(wire, 'NV_DefineSpace', [u32(RH.owner)], () => OWN))
      assert.ok(attacker)
    },
    async attack({ bench, card }) {
      const owner = await card()
      await owner.vault.close()
      const foreign = new ForeignSrk()
      foreign.intercept(bench.proxy)
      const vault = await openTpmCard(owner.place, owner.name)
      await vault.pins.verifyPin(ascii(owner.pin))
    },
  },
])

onEach('B7 nothing secret is sent before the storage key was checked', async ({ attacker, bench }) => {
  await new ForeignSrk().plant(attacker)
  bench.proxy.clear()
  assert.is(await refused(createTpmCard(bench.place, cardRequest())), 'ERR_TPM_SRK')
  const sent = new Set(bench.proxy.names())
  for (const harmless of ['Startup', 'GetCapability', 'ReadPublic', 'FlushContext']) sent.delete(harmless)
  assert.equal([...sent], [])
})

onEach('B7 a key of the TPM that is no storage key is refused as well', async ({ attacker, bench }) => {
  const params = create(eccKey())
  const made = await attacker.witness.must('CreatePrimary', { handles: [RH.owner], params, auths: [password()] })
  await persist(attacker, made.u32())
  assert.is(await refused(createTpmCard(bench.place, cardRequest())), 'ERR_TPM_SRK')
})

onEach('B7 the storage key is replaced under a card', async ({ attacker, bench, card }) => {
  const owner = await card()
  await owner.vault.close()
  await evict(attacker)
  assert.is(await refused(openTpmCard(owner.place, owner.name)), 'ERR_CARD_OTHER_TPM')
  await new ForeignSrk().plant(attacker)
  bench.proxy.clear()
  assert.is(await refused(openTpmCard(owner.place, owner.name)), 'ERR_TPM_SRK')
  assert.is(bench.proxy.counts().StartAuthSession, undefined)
})

onEach('B7 the storage key is replaced under an open card', async ({ attacker, bench, card }) => {
  const owner = await card()
  await owner.verifyPin()
  await evict(attacker)
  const foreign = new ForeignSrk()
  await foreign.plant(attacker)
  bench.proxy.clear()
  await refused(owner.vault.pins.changePin(ascii(owner.pin), ascii('97531864')))
  const secret = owner.auth('pin', '97531864')
  assert.equal(bench.proxy.seen(secret), [])
  const { wire } = bench.proxy
  if (bench.proxy.counts().NV_ChangeAuth !== undefined) {
    assert.not.ok(knowsKey(wire, 'NV_ChangeAuth', [owner.file.pin.name], (start) => foreign.sessionKey(start)))
  }
})

test.run()
