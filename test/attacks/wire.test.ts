// takes: 6 s
// The wire between program and TPM: what can be read from it, and what can be changed on it. E16, E17 and E22 of
// reference/pin-lock.md, section 1.2.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { keyTemplate } from '../../src/tpm/codec/public.ts'
import { sized } from '../../src/tpm/codec/wire.ts'
import { command, NO_PASSWORD } from '../../src/tpm/command.ts'
import { destroyTpmCard } from '../../src/tpm/destroy.ts'
import { acquireDevice, releaseDevice, type TpmDevice } from '../../src/tpm/devices.ts'
import { keyAttributes } from '../../src/tpm/keys/create.ts'
import type { Srk } from '../../src/tpm/srk.ts'
import { CC, type CommandName } from '../support/codes.ts'
import { OBJECT, signDigest } from '../support/templates.ts'
import { answerOutput, ascii, concat, fromHex, Reader, tpm2b, u32 } from '../support/wire.ts'
import { password, session } from '../support/witness.ts'
import { DIGEST, digestOf, MESSAGE, OWN, SRK } from './support/attacker.ts'
import { AUTHENTICATION, type CardOwner, NEW_PIN, slot } from './support/owner.ts'
import { forge, readSecret } from './support/recorder.ts'
import { type Attack, battery, Nothing, onEach, refused } from './support/rows.ts'
import { UNSALTED } from './support/tables.ts'

const CHANGED = '97531864'
const ALWAYS = slot('9c')
const OTHER_DIGEST = digestOf(ascii('pay 10 to the baker'))

/** Somebody recorded this, and takes what was encrypted for encrypted with no secret. */
const readOff =
  (command: CommandName, act: (owner: CardOwner) => Promise<unknown>): Attack =>
  async ({ attacker, bench, card }) => {
    const owner = await card({ withHelpDesk: true })
    await act(owner)
    await owner.vault.close()
    await attacker.signWith(owner, readSecret(bench.proxy.wire, command))
  }

/** The digest in TPM2_Sign is replaced by the attacker's. */
const swapDigest =
  (where: string, policy: 'once' | 'always'): Attack =>
  async ({ bench, card }) => {
    const owner = await card({ keys: { [where]: policy } })
    await owner.verifyPin()
    bench.proxy.hooks.onCommand = ({ name, command }) => (name === 'Sign' ? swapped(command) : undefined)
    assert.ok(owner.verifies(MESSAGE, await owner.sign(OTHER_DIGEST, slot(where)), slot(where)))
  }

function swapped(command: Uint8Array): Uint8Array {
  const copy = command.slice()
  copy.set(DIGEST, Buffer.from(copy).indexOf(OTHER_DIGEST))
  return copy
}

/** Adds userWithAuth to the template of a key that is being made. */
const withEmptyAuth =
  (make: (owner: CardOwner, device: TpmDevice, srk: Srk, template: Uint8Array) => Promise<unknown>): Attack =>
  async ({ attacker, bench, card }) => {
    const owner = await card({ keys: {} })
    const { proxy } = bench
    const device = await acquireDevice({ tcti: proxy.tcti, stateFile: '', createState: false })
    const srk = await device.srk(owner.file.srk.name)
    const policy = digestOf(digestOf(new Uint8Array(32), u32(CC.PolicySecret), owner.file.pin.name), ascii('use'))
    const template = keyTemplate(
      'P-256',
      keyAttributes({ pinPolicy: 'once', origin: 'generated', certifiable: true }),
      policy,
    )
    proxy.hooks.onCommand = ({ name }) =>
      name === 'Create' ? forge(proxy.wire, [srk.name], { params: open }) : undefined
    await make(owner, device, srk, template)
    proxy.hooks = {}
    await releaseDevice(device)
    const said = proxy.wire.findLast(({ name }) => name === 'Create')
    const made = new Reader(answerOutput(CC.Create, said?.answer ?? new Uint8Array(0)))
    const key = await attacker.load({ private: made.tpm2bWhole(), public: made.tpm2bWhole() })
    await attacker.witness.must('Sign', { handles: [key], params: signDigest(DIGEST), auths: [password()] })
  }

function open(params: Uint8Array): Uint8Array {
  const reader = new Reader(params)
  const [sensitive, area, rest] = [reader.tpm2bWhole(), new Reader(reader.tpm2b()), reader.rest()]
  const [head, attributes] = [area.take(4), area.u32() | OBJECT.userWithAuth]
  return concat(sensitive, tpm2b(head, u32(attributes), area.rest()), rest)
}

battery([
  {
    id: 'E16',
    what: 'creation: the authValue of P',
    held: 'PolicySecret 0x9a2',
    weak: UNSALTED,
    attack: readOff('NV_DefineSpace', async () => {}),
  },
  {
    id: 'E16',
    what: 'change: the authValue of the new PIN',
    held: 'PolicySecret 0x9a2',
    weak: UNSALTED,
    attack: readOff('NV_ChangeAuth', ({ vault, pin }) => vault.pins.changePin(ascii(pin), ascii(CHANGED))),
  },
  {
    id: 'E16',
    what: 'unblocking by PUK: the authValue of the new PIN',
    held: 'PolicySecret 0x9a2',
    weak: UNSALTED,
    attack: readOff('NV_ChangeAuth', (owner) => owner.unblock()),
  },
  {
    id: 'E16',
    what: 'unblocking by help desk: the authValue of the new PIN',
    held: 'PolicySecret 0x9a2',
    weak: UNSALTED,
    attack: readOff('NV_ChangeAuth', (owner) => owner.unblockByHelpDesk()),
  },
  {
    id: 'E17',
    what: 'unblocking sets garbage and says that all is well',
    held: 'the new PIN works',
    async weak({ attacker, card, table }) {
      const owner = await card()
      await owner.vault.close()
      const { handle: policy } = await attacker.witness.start('policy', { salt: SRK, sym: 'aes128cfb' })
      await attacker.fulfil(policy, owner, 'unblockPin', table, { puk: owner.auth('puk', owner.puk) })
      const auths = [session(policy, { flags: 0x21 })] // parameter encryption on the policy session itself
      const change = { handles: [owner.file.pin.handle], params: tpm2b(owner.auth('pin', NEW_PIN)), auths }
      await attacker.witness.must('NV_ChangeAuth', change)
      assert.is(await refused(attacker.signWith(owner, owner.auth('pin', NEW_PIN))), 'PolicySecret 0x9a2')
    },
    async attack({ card }) {
      const owner = await card({ withHelpDesk: true })
      await owner.unblock(CHANGED)
      await owner.verifyPin(CHANGED)
      await owner.unblockByHelpDesk(NEW_PIN)
      await owner.verifyPin(NEW_PIN)
      throw new Nothing('the new PIN works')
    },
  },
  {
    id: 'E22',
    what: 'the digest is swapped in flight: `once`',
    held: 'ERR_TPM_TAMPERED',
    weak: UNSALTED,
    attack: swapDigest('9a', 'once'),
  },
  {
    id: 'E22',
    what: 'the digest is swapped in flight: `always`',
    held: 'ERR_TPM_TAMPERED',
    weak: UNSALTED,
    attack: swapDigest('9c', 'always'),
  },
  {
    id: 'E22',
    what: 'the new PIN is swapped in flight',
    held: 'PolicySecret 0x9a2',
    weak: UNSALTED,
    async attack({ attacker, bench, card }) {
      const owner = await card()
      const { pin } = owner.file
      const { proxy } = bench
      proxy.hooks.onCommand = ({ name }) =>
        name === 'NV_ChangeAuth' ? forge(proxy.wire, [pin.name], { first: OWN }) : undefined
      await refused(owner.vault.pins.changePin(ascii(owner.pin), ascii(CHANGED)))
      proxy.hooks = {}
      await owner.vault.close()
      await attacker.signWith(owner, OWN)
    },
  },
  {
    id: 'E22',
    what: 'a new key is given an authValue as well, in flight',
    held: 'Create 0x9a2',
    weak: withEmptyAuth((_, device, srk, template) => {
      const params = [sized(new Uint8Array(4)), sized(template), sized(new Uint8Array(0)), u32(0)]
      return device.call(command(CC.Create, [srk], [NO_PASSWORD], ...params))
    }),
    attack: withEmptyAuth(({ vault }) =>
      vault.keys.generate(AUTHENTICATION, { algorithm: 'P-256', pinPolicy: 'once' }),
    ),
  },
])

onEach('E22 after a swapped digest the next command works', async ({ bench, card }) => {
  const owner = await card({ keys: { '9a': 'once', '9c': 'always' } })
  await owner.verifyPin()
  const swapOnce = () => {
    bench.proxy.hooks.onCommand = ({ name, command }) => {
      if (name !== 'Sign') return undefined
      bench.proxy.hooks = {}
      return swapped(command)
    }
  }
  swapOnce()
  assert.is(await refused(owner.sign(OTHER_DIGEST)), 'ERR_TPM_TAMPERED')
  assert.ok(owner.verifies(MESSAGE, await owner.sign(DIGEST)), 'without another PIN')
  await owner.verifyPin()
  swapOnce()
  assert.is(await refused(owner.sign(OTHER_DIGEST, ALWAYS)), 'ERR_TPM_TAMPERED')
  assert.is(await refused(owner.sign(DIGEST, ALWAYS)), 'ERR_PIN_REQUIRED')
  await owner.verifyPin()
  assert.ok(owner.verifies(MESSAGE, await owner.sign(DIGEST, ALWAYS), ALWAYS))
})

onEach('E16 no secret crosses in clear, in the whole life of a card', async ({ attacker, bench, card }) => {
  const ownerPassword = ascii('owner-password')
  const adminKey = fromHex('0c0ffee1d0c0ffee1d0c0ffee1d0c0ff')
  await attacker.setOwnerPassword(ownerPassword)
  bench.proxy.clear()
  const pins = ['135790', '97531864', '24681012', '11335577']
  const puks = ['pukpuk42', 'PUKpuk43']
  const owner = await card({
    pin: '135790',
    puk: 'pukpuk42',
    ownerPassword,
    adminKey: concat(Uint8Array.of(8), adminKey),
    withHelpDesk: true,
    keys: { '9a': 'once', '9c': 'always' },
  })
  const { pins: vault, admin } = owner.vault
  await owner.verifyPin()
  await owner.sign(DIGEST)
  await vault.changePin(ascii('135790'), ascii('97531864'))
  await vault.changePuk(ascii('pukpuk42'), ascii('PUKpuk43'))
  await vault.unblockPin(ascii('PUKpuk43'), ascii('24681012'))
  await refused(owner.verifyPin('00000000'))
  await owner.unblockByHelpDesk('11335577')
  assert.equal((await admin.key())?.key, adminKey)
  await owner.vault.close()
  await destroyTpmCard(owner.place, owner.name, ownerPassword)

  // The key behind the PIN, the admin key, and the seal's other key before the card is destroyed.
  const { NV_DefineSpace, NV_ChangeAuth, NV_UndefineSpace, PolicySigned, Unseal } = bench.proxy.counts()
  assert.equal([NV_DefineSpace, NV_ChangeAuth, NV_UndefineSpace, PolicySigned, Unseal], [2, 4, 2, 3, 3])
  const secrets = [
    ...[...pins, '00000000', ...puks].map(ascii),
    ...[...pins, '00000000'].map((pin) => owner.auth('pin', pin)),
    ...puks.map((puk) => owner.auth('puk', puk)),
    ownerPassword,
    adminKey,
  ]
  for (const [i, secret] of secrets.entries()) {
    assert.equal(
      bench.proxy.seen(secret).map(({ name }) => name),
      [],
      `secret ${i}`,
    )
  }
  assert.ok(bench.proxy.seen(ascii('use-always')).length > 0, 'what does cross is seen')
})

onEach('E16 a client that sends its PIN in clear is seen', async ({ attacker, bench, card }) => {
  const owner = await card()
  const auth = owner.auth('pin', owner.pin)
  await attacker.signWith(owner, auth)
  assert.equal(
    bench.proxy.seen(auth).map(({ name }) => name),
    ['PolicySecret'],
  )
})

test.run()
