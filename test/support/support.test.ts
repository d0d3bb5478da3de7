// The test support itself: a TPM, a proxy in front of it and a witness that speaks ESAPI through both.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CC } from './codes.ts'
import { startProxy, type TpmProxy } from './proxy.ts'
import { type Swtpm, startSwtpm } from './swtpm.ts'
import { gate, gone, within } from './temp.ts'
import {
  answerCode,
  ascii,
  command,
  EMPTY,
  fromHex,
  parseCommand,
  Reader,
  refusal,
  tpm2b,
  u8,
  u16,
  u32,
} from './wire.ts'
import { password, session, startWitness, type Witness } from './witness.ts'

const OWNER = 0x40000001
const NV = 0x01800100

// storage key, P-256: fixedTPM fixedParent sensitiveDataOrigin userWithAuth noDA restricted decrypt
const eccStorage = tpm2b(
  u16(0x23),
  u16(0x0b),
  u32(0x30472),
  EMPTY,
  ...[0x06, 128, 0x43].map(u16), // AES-128-CFB
  ...[0x10, 0x03, 0x10].map(u16), // scheme null, P-256, kdf null
  EMPTY,
  EMPTY,
)
// signing key, P-256: fixedTPM fixedParent sensitiveDataOrigin userWithAuth sign
const signKey = tpm2b(u16(0x23), u16(0x0b), u32(0x40072), EMPTY, ...[0x10, 0x10, 0x03, 0x10].map(u16), EMPTY, EMPTY)
const sensitive = (auth: Uint8Array): Uint8Array => tpm2b(tpm2b(auth), EMPTY)
const createParams = (auth: Uint8Array, template: Uint8Array): Uint8Array[] => [
  sensitive(auth),
  template,
  EMPTY,
  u32(0),
]
const nullSignature = [u16(0x18), u16(0x0b), u16(0x8024), u32(0x40000007), EMPTY]

async function withAll(work: (swtpm: Swtpm, proxy: TpmProxy, witness: Witness) => Promise<void>): Promise<void> {
  const swtpm = await startSwtpm()
  const proxy = await startProxy(swtpm.path)
  const witness = await startWitness(proxy.path)
  try {
    await work(swtpm, proxy, witness)
  } finally {
    await witness.close()
    await proxy.stop()
    await swtpm.stop()
  }
  assert.ok(gone(swtpm.pid))
}

const loaded = async (witness: Witness, range: number): Promise<number> => {
  const reader = await witness.must('GetCapability', { params: [u32(1), u32(range), u32(16)] })
  reader.u8()
  reader.u32()
  return reader.u32()
}

test('keys, sessions and signatures by ESAPI', () =>
  withAll(async (_, proxy, witness) => {
    assert.is((await witness.must('GetRandom', { params: u16(8) })).tpm2b().length, 8)
    const made = await witness.must('CreatePrimary', {
      handles: [OWNER],
      params: createParams(new Uint8Array(0), eccStorage),
      auths: [password()],
    })
    const srk = made.u32()
    const publicArea = made.tpm2b()
    const read = await witness.must('ReadPublic', { handles: [srk] })
    assert.equal(read.tpm2b(), publicArea)

    const auth = ascii('key-auth')
    const salted = await witness.start('hmac', { salt: srk, sym: 'aes128cfb', nonce: new Uint8Array(16).fill(7) })
    assert.is(salted.nonce.length, 16)
    const created = await witness.must('Create', {
      handles: [srk],
      params: createParams(auth, signKey),
      auths: [session(salted.handle, { flags: 0x21 })],
    })
    assert.equal(proxy.seen(auth), [], 'the authValue crossed encrypted')
    const blob = [created.tpm2bWhole(), created.tpm2bWhole()]
    const key = (await witness.must('Load', { handles: [srk], params: blob, auths: [password()] })).u32()

    const params = [tpm2b(new Uint8Array(32).fill(1)), ...nullSignature]
    const sign = (auth: Uint8Array) =>
      witness.call('Sign', { handles: [key], params, auths: [session(salted.handle, { auth })] })
    const good = await sign(auth)
    assert.is(good.rc, 0)
    assert.is(new Reader(good.out).u16(), 0x18)
    assert.is((await sign(ascii('wrong'))).rc, 0x98e)
    assert.is((await witness.call('Sign', { handles: [key], params, auths: [password(auth)] })).rc, 0)
    assert.is(proxy.seen(auth).length, 1, 'the password crossed in clear')

    const verified = await witness.must('VerifySignature', {
      handles: [key],
      params: [tpm2b(new Uint8Array(32).fill(1)), good.out],
    })
    assert.is(verified.u16(), 0x8022)
    const external = await witness.must('LoadExternal', {
      params: [EMPTY, tpm2b(publicArea), u32(OWNER)],
    })
    assert.is(await witness.flush(external.u32()), 0)
    const last = [...proxy.wire].reverse().find(({ name }) => name === 'Sign')
    assert.ok(last !== undefined && parseCommand(last.command).sessions[0]?.password)
    for (const handle of [key, srk, salted.handle]) assert.is(await witness.flush(handle), 0)
    assert.is(await loaded(witness, 0x80000000), 0)
    assert.is(await loaded(witness, 0x02000000), 0)
  }))

test('an index: define, write, read, policy, delete', () =>
  withAll(async (swtpm, _, witness) => {
    const attributes = 0x60006 // owner and index auth may write and read
    const space = tpm2b(u32(NV), u16(0x0b), u32(attributes), EMPTY, u16(8))
    const before = await swtpm.stateWrites()
    await witness.must('NV_DefineSpace', {
      handles: [OWNER],
      params: [tpm2b(ascii('index')), space],
      auths: [password()],
    })
    assert.is(await swtpm.stateWrites(), before + 1)
    assert.is(
      await witness.rc('NV_Read', { handles: [OWNER, NV], params: [u16(8), u16(0)], auths: [password()] }),
      0x14a,
    )
    const data = fromHex('0011223344556677')
    await witness.must('NV_Write', { handles: [OWNER, NV], params: [tpm2b(data), u16(0)], auths: [password()] })
    const hmac = await witness.start('hmac')
    const read = await witness.must('NV_Read', {
      handles: [NV, NV],
      params: [u16(8), u16(0)],
      auths: [session(hmac.handle, { auth: ascii('index') })],
    })
    assert.equal(read.tpm2b(), data)

    const policy = await witness.start('policy')
    const secret = await witness.must('PolicySecret', {
      handles: [NV, policy.handle],
      params: [tpm2b(await witness.nonce(policy.handle)), EMPTY, tpm2b(ascii('use')), u32(-900)],
      auths: [password(ascii('index'))],
    })
    assert.is(secret.tpm2b().length > 0, true, 'a ticket has a timeout')
    assert.is(secret.u16(), 0x8023)
    await witness.must('PolicyCommandCode', { handles: [policy.handle], params: u32(CC.NV_ChangeAuth) })
    assert.is((await witness.must('PolicyGetDigest', { handles: [policy.handle] })).tpm2b().length, 32)
    await witness.must('NV_UndefineSpace', { handles: [OWNER, NV], auths: [password()] })
    assert.is(await witness.rc('NV_ReadPublic', { handles: [NV] }), 0x18b)
  }))

test('a forged answer: ESAPI is stuck until reset', () =>
  withAll(async (_, proxy, witness) => {
    const hmac = await witness.start('hmac')
    proxy.hooks.onAnswer = ({ name }, answer) => {
      if (name !== 'GetRandom') return undefined
      const forged = answer.slice()
      forged[20] = (forged[20] ?? 0) ^ 1
      return forged
    }
    const random = { params: u16(8), auths: [session(hmac.handle, { flags: 0x81 })] }
    assert.is(await witness.rc('GetRandom', random), 0x7001b)
    proxy.hooks = {}
    assert.is(await witness.rc('GetRandom', { params: u16(8) }), 0x70007)
    await witness.reset()
    assert.is(await witness.rc('GetRandom', { params: u16(8) }), 0)
    assert.is(await loaded(witness, 0x02000000), 0, 'reset flushed the session')
  }))

test('an attacker acts while the product is held up', () =>
  withAll(async (_, proxy, witness) => {
    const attacker = await startWitness(proxy.attackerPath)
    proxy.clear()
    const arrived = gate()
    const go = gate()
    proxy.hooks.onCommand = async () => {
      arrived.open()
      await go.promise
    }
    const held = witness.rc('GetRandom', { params: u16(4) })
    await within(arrived.promise, 120_000, 'no command')
    assert.is(await attacker.rc('GetRandom', { params: u16(4) }), 0)
    assert.is(answerCode(await proxy.transmit(command(CC.GetRandom, [], u16(4)))), 0)
    go.open()
    assert.is(await held, 0)
    assert.equal(proxy.counts(), { GetRandom: 1 })
    assert.is(proxy.wire.length, 3)
    await attacker.close()
  }))

test('dropped, refused, broken and replaced', () =>
  withAll(async (swtpm, proxy, witness) => {
    const random = () => witness.rc('GetRandom', { params: u16(4) })
    proxy.hooks.onCommand = () => 'drop'
    assert.is(await random(), 0xa000a)
    proxy.hooks = { onAnswer: () => refusal(0x921) }
    await witness.reset()
    assert.is(await random(), 0x921)
    proxy.hooks = { onAnswer: () => fromHex('8001ffffffff00000000') }
    assert.is(await random(), 0xa0011)
    proxy.hooks = {}
    await witness.reset()
    assert.is(await random(), 0)
    await swtpm.kill()
    assert.is(await random(), 0xa000a)
    await swtpm.restart()
    await witness.reset()
    assert.is(await random(), 0)
    assert.is(answerCode(await witness.raw(command(CC.GetRandom, [], u16(4)))), 0)
    assert.is((await witness.raw(command(CC.SelfTest, [], u8(1)))).length, 10)
  }))

test('a TPM on TCP answers without startup', async () => {
  const swtpm = await startSwtpm({ tcp: true, startup: false })
  assert.match(swtpm.tcti, /^swtpm:host=127\.0\.0\.1,port=\d+$/)
  await swtpm.stop()
  assert.ok(gone(swtpm.pid))
})

test('requests that make no sense are refused before anything is sent', () =>
  withAll(async (_, proxy, witness) => {
    proxy.clear()
    for (const [name, params] of [
      ['NoSuchCommand', u16(1)],
      ['GetRandom', u8(1)],
      ['GetRandom', u32(1)],
    ] as const) {
      let refused = false
      await witness.call(name, { params }).catch(() => {
        refused = true
      })
      assert.ok(refused, name)
    }
    assert.is(proxy.total(), 0)
  }))

test.run()
