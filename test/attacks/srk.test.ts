// takes: 4 s
// B7: the storage key that every session is salted to is not the TPM's own. reference/pin-lock.md, section 5.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NO_PASSWORD } from '../../src/tpm/command.ts'
import { acquireDevice, releaseDevice } from '../../src/tpm/devices.ts'
import { authValue } from '../../src/tpm/lock/auth-value.ts'
import { indexPublic } from '../../src/tpm/lock/index-public.ts'
import { defineIndex } from '../../src/tpm/lock/nv.ts'
import { LOCK } from '../../src/tpm/lock/table.ts'
import { createTpmCard, openTpmCard } from '../../src/tpm/open.ts'
import { create, eccKey, RH } from '../support/templates.ts'
import { ascii, concat, u16 } from '../support/wire.ts'
import { password } from '../support/witness.ts'
import { digestOf, OWN, SRK } from './support/attacker.ts'
import { evict, ForeignSrk, persist } from './support/foreign-srk.ts'
import { cardRequest, PIN } from './support/owner.ts'
import { knowsKey, readSecret } from './support/recorder.ts'
import { type Attack, battery, onEach, refused } from './support/rows.ts'

/** The index of the PIN is defined under a storage key that nobody checked, as creation would do without its first steps. */
const unchecked: Attack = async ({ attacker, bench }) => {
  const foreign = new ForeignSrk()
  await foreign.plant(attacker)
  const device = await acquireDevice({ tcti: bench.proxy.tcti, stateFile: '', createState: false })
  const area = foreign.area()
  const srk = { handle: SRK, area, name: nameOf(area) }
  const secret = authValue(new Uint8Array(16).fill(3), 'pin', ascii(PIN))
  const index = indexPublic('pin', 0x01800042, srk.name, LOCK)
  await device.exclusive(() => defineIndex(device, srk, NO_PASSWORD, Uint8Array.from(secret), index))
  await releaseDevice(device)
  assert.equal(
    readSecret(bench.proxy.wire, 'NV_DefineSpace', (start) => foreign.sessionKey(start)),
    secret,
  )
}

/** The session encrypts nothing: the first one proves that the storage key is there. */
const ANY = 0

const nameOf = (area: Uint8Array): Uint8Array => concat(u16(0x0b), digestOf(area))

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
      const names = [nameOf(foreign.area(true))]
      assert.ok(knowsKey(wire, 'Create', names, (start) => foreign.sessionKey(start), ANY))
      assert.not.ok(knowsKey(wire, 'Create', names, () => OWN, ANY))
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
