// The witness command by command: what it says it sent and got is what stood on the wire.
import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CC, type CommandName } from './codes.ts'
import { startProxy } from './proxy.ts'
import { startSwtpm } from './swtpm.ts'
import {
  ALG,
  create,
  eccKey,
  eccStorage,
  hmacKey,
  NULL_HASHCHECK,
  NV,
  nvPublic,
  nvWrite,
  OBJECT,
  RH,
  rsaKey,
  sealed,
  sensitive,
  signDigest,
  text2b,
} from './templates.ts'
import { answerOutput, ascii, concat, EMPTY, hex, i32, parseCommand, Reader, tpm2b, u8, u16, u32 } from './wire.ts'
import { type CallOptions, none, password, session, startWitness } from './witness.ts'

const sha256 = (...parts: Uint8Array[]): Uint8Array =>
  new Uint8Array(
    createHash('sha256')
      .update(concat(...parts))
      .digest(),
  )
const INDEX = 0x01800200
const PERSISTENT = 0x81000200

async function bench() {
  const swtpm = await startSwtpm()
  const proxy = await startProxy(swtpm.path)
  const witness = await startWitness(proxy.path)
  const used = new Set<string>()
  /** Does it, and compares both directions with the wire. */
  async function run(name: CommandName, options: CallOptions = {}): Promise<Reader> {
    used.add(name)
    const before = proxy.wire.length
    const { rc, out } = await witness.call(name, options)
    assert.is(rc, 0, `${name}: rc 0x${rc.toString(16)}`)
    const said = proxy.wire.slice(before).find((exchange) => exchange.code === CC[name])
    assert.ok(said?.answer !== undefined, name)
    const params = options.params instanceof Uint8Array ? options.params : concat(...(options.params ?? []))
    if (name !== 'FlushContext') {
      const parsed = parseCommand(said.command)
      assert.is(hex(parsed.params), hex(params), `${name}: parameters`)
      assert.equal(parsed.handles, options.handles ?? [], `${name}: handles`)
    }
    assert.is(hex(answerOutput(CC[name], said.answer)), hex(out), `${name}: answer`)
    return new Reader(out)
  }
  const stop = async () => {
    await witness.close()
    await proxy.stop()
    await swtpm.stop()
  }
  return { swtpm, proxy, witness, run, used, stop }
}

test('every command of the table', async () => {
  const { witness, run, used, stop } = await bench()
  const owner = { handles: [RH.owner], auths: [password()] }
  const load = async (parent: number, blob: Uint8Array[]): Promise<{ handle: number; name: Uint8Array }> => {
    const reader = await run('Load', { handles: [parent], params: blob, auths: [password()] })
    return { handle: reader.u32(), name: reader.tpm2b() }
  }
  const make = async (parent: number, params: Uint8Array) => {
    const made = await run('Create', { handles: [parent], params, auths: [password()] })
    const blob = [made.tpm2bWhole(), made.tpm2bWhole()]
    made.tpm2b()
    return { blob, creationHash: made.tpm2bWhole(), creationTicket: made.rest() }
  }

  // odds and ends
  await run('GetTestResult')
  await run('ReadClock')
  await run('GetRandom', { params: u16(8) })
  for (const [capability, property] of [
    [0, 1],
    [1, RH.owner],
    [5, 0],
    [6, 0x100],
    [8, 0],
    [2, 0x120],
  ] as const) {
    await run('GetCapability', { params: [u32(capability), u32(property), u32(8)] })
  }
  await witness.must('Startup', { params: u16(0) }) // ESAPI takes "already started" for success
  await run('Shutdown', { params: u16(0) })

  // storage key, persistent
  const primary = (await run('CreatePrimary', { ...owner, params: create(eccStorage()) })).u32()
  await run('EvictControl', { handles: [RH.owner, primary], params: u32(PERSISTENT), auths: [password()] })
  await run('FlushContext', { handles: [primary] })
  await run('ReadPublic', { handles: [PERSISTENT] })

  // an EC key: sign, verify, agree, certify
  const key = await make(PERSISTENT, create(eccKey()))
  const { handle: signer, name: signerName } = await load(PERSISTENT, key.blob)
  const sign = async (digest: Uint8Array): Promise<Uint8Array> =>
    (await run('Sign', { handles: [signer], params: signDigest(digest), auths: [password()] })).rest()
  const verify = async (digest: Uint8Array): Promise<Uint8Array> =>
    (await run('VerifySignature', { handles: [signer], params: [tpm2b(digest), await sign(digest)] })).rest()
  const agreed = await run('ECDH_KeyGen', { handles: [signer] })
  const z = agreed.tpm2bWhole()
  const point = agreed.tpm2bWhole()
  const same = await run('ECDH_ZGen', { handles: [signer], params: point, auths: [password()] })
  assert.equal(same.tpm2bWhole(), z)
  const scheme = concat(u16(ALG.ecdsa), u16(ALG.sha256))
  await run('CertifyCreation', {
    handles: [signer, signer],
    params: [EMPTY, key.creationHash, scheme, key.creationTicket],
    auths: [password()],
  })
  await run('Certify', { handles: [signer, signer], params: [EMPTY, scheme], auths: [password(), password()] })
  await run('ObjectChangeAuth', { handles: [signer, PERSISTENT], params: text2b('other'), auths: [password()] })
  const publicOnly = await run('LoadExternal', { params: [EMPTY, key.blob[1] ?? EMPTY, u32(RH.owner)] })
  await run('FlushContext', { handles: [publicOnly.u32()] })

  // an index
  const attributes = NV.ownerWrite | NV.authWrite | NV.ownerRead | NV.authRead | NV.noDa
  await run('NV_DefineSpace', { ...owner, params: [text2b('index'), nvPublic(INDEX, attributes)] })
  await run('NV_Write', {
    handles: [INDEX, INDEX],
    params: nvWrite(new Uint8Array(8)),
    auths: [password(ascii('index'))],
  })
  await run('NV_Read', { handles: [RH.owner, INDEX], params: [u16(8), u16(0)], auths: [password()] })
  await run('NV_ReadPublic', { handles: [INDEX] })
  await run('NV_Certify', {
    handles: [signer, RH.owner, INDEX],
    params: [EMPTY, scheme, u16(8), u16(0)],
    auths: [password(), password()],
  })

  // policies
  const policy = (await witness.start('policy')).handle
  const step = (name: CommandName, params: Uint8Array = new Uint8Array(0)) => run(name, { handles: [policy], params })
  const secret = await run('PolicySecret', {
    handles: [INDEX, policy],
    params: [tpm2b(await witness.nonce(policy)), EMPTY, text2b('use'), i32(-600)],
    auths: [password(ascii('index'))],
  })
  const timeout = secret.tpm2bWhole()
  const indexName = new Reader((await run('NV_ReadPublic', { handles: [INDEX] })).rest())
  indexName.tpm2b()
  await step('PolicyRestart')
  await step('PolicyTicket', concat(timeout, EMPTY, text2b('use'), indexName.tpm2bWhole(), secret.rest()))
  const nonce = await witness.nonce(policy)
  const signed = await sign(sha256(nonce, i32(0), ascii('ref')))
  await run('PolicySigned', { handles: [signer, policy], params: [tpm2b(nonce), EMPTY, text2b('ref'), i32(0), signed] })
  await step('PolicyRestart')
  await step('PolicyNvWritten', u8(1))
  await step('PolicyCpHash', tpm2b(new Uint8Array(32)))
  const approved = (await step('PolicyGetDigest')).tpm2b()
  const ticket = await verify(sha256(approved, ascii('P')))
  await step('PolicyAuthorize', concat(tpm2b(approved), text2b('P'), tpm2b(signerName), ticket))
  const either = (await step('PolicyGetDigest')).tpm2b()
  await step('PolicyOR', concat(u32(2), tpm2b(either), tpm2b(new Uint8Array(32))))
  await step('PolicyRestart')
  await run('PolicyNV', {
    handles: [RH.owner, INDEX, policy],
    params: [tpm2b(new Uint8Array(8)), u16(0), u16(0)],
    auths: [password()],
  })
  await step('PolicyDuplicationSelect', concat(tpm2b(new Uint8Array(34)), tpm2b(new Uint8Array(34)), u8(1)))
  await step('PolicyRestart')
  await step('PolicyAuthValue')
  await step('PolicyPassword')
  await run('FlushContext', { handles: [signer] })

  // a key that leaves and comes back
  await step('PolicyRestart')
  await step('PolicyCommandCode', u32(CC.Duplicate))
  const leaves = (await step('PolicyGetDigest')).tpm2b()
  const portable = {
    attributes: OBJECT.userWithAuth | OBJECT.sensitiveDataOrigin | OBJECT.noDa | OBJECT.sign,
    policy: leaves,
  }
  const movable = await make(PERSISTENT, create(eccKey(portable)))
  const { handle: mover } = await load(PERSISTENT, movable.blob)
  const wrapped = await run('Duplicate', {
    handles: [mover, RH.null],
    params: [EMPTY, u16(ALG.null)],
    auths: [session(policy)],
  })
  wrapped.tpm2b()
  const duplicate = wrapped.tpm2bWhole()
  await run('Import', {
    handles: [PERSISTENT],
    params: [EMPTY, movable.blob[1] ?? EMPTY, duplicate, EMPTY, u16(ALG.null)],
    auths: [password()],
  })
  await run('FlushContext', { handles: [mover] })

  // keys of other kinds
  const mac = await load(PERSISTENT, (await make(PERSISTENT, create(hmacKey()))).blob)
  await run('HMAC', { handles: [mac.handle], params: [text2b('data'), u16(ALG.sha256)], auths: [password()] })
  await run('FlushContext', { handles: [mac.handle] })
  const box = await load(PERSISTENT, (await make(PERSISTENT, create(sealed(), undefined, ascii('secret')))).blob)
  const unsealed = await run('Unseal', { handles: [box.handle], auths: [password()] })
  assert.equal(unsealed.tpm2b(), ascii('secret'))
  await run('FlushContext', { handles: [box.handle] })
  const rsa = await load(PERSISTENT, (await make(PERSISTENT, create(rsaKey()))).blob)
  const raw = [u16(ALG.null), EMPTY]
  const number = tpm2b(new Uint8Array(256).fill(1))
  const encrypted = await run('RSA_Encrypt', { handles: [rsa.handle], params: [number, ...raw] })
  const decrypted = await run('RSA_Decrypt', {
    handles: [rsa.handle],
    params: [encrypted.tpm2bWhole(), ...raw],
    auths: [password()],
  })
  assert.equal(decrypted.tpm2bWhole(), number)

  // hierarchies
  await run('NV_UndefineSpace', { handles: [RH.owner, INDEX], auths: [password()] })
  await run('HierarchyChangeAuth', { ...owner, params: text2b('owner') })
  assert.is(
    await witness.rc('EvictControl', { handles: [RH.owner, PERSISTENT], params: u32(PERSISTENT), auths: [password()] }),
    0x9a2,
  )
  await run('EvictControl', {
    handles: [RH.owner, PERSISTENT],
    params: u32(PERSISTENT),
    auths: [password(ascii('owner'))],
  })
  const lockout = { handles: [RH.lockout], auths: [password()] }
  await run('DictionaryAttackParameters', { ...lockout, params: [u32(5), u32(10), u32(10)] })
  await run('DictionaryAttackLockReset', lockout)
  await run('Clear', { handles: [RH.platform], auths: [password()] })
  assert.is(used.size, 49)
  await stop()
})

test('changing the authValue of a PIN index by a policy session and a salted one', async () => {
  const { proxy, witness, run, stop } = await bench()
  const srk = (
    await run('CreatePrimary', { handles: [RH.owner], params: create(eccStorage()), auths: [password()] })
  ).u32()
  const trial = (await witness.start('trial')).handle
  await run('PolicyCommandCode', { handles: [trial], params: u32(CC.NV_ChangeAuth) })
  const policy = (await run('PolicyGetDigest', { handles: [trial] })).tpm2b()
  const attributes = NV.pinFail | NV.noDa | NV.ownerRead | NV.policyWrite
  const salted = (await witness.start('hmac', { salt: srk, sym: 'aes128cfb' })).handle
  const old = ascii('the old authValue of 32 octets..')
  const fresh = ascii('the new authValue of 32 octets..')
  await witness.must('NV_DefineSpace', {
    handles: [RH.owner],
    params: [tpm2b(old), nvPublic(INDEX, attributes, policy)],
    auths: [session(salted, { flags: 0x21 })],
  })
  const armed = (await witness.start('policy', { salt: srk })).handle
  await run('PolicyCommandCode', { handles: [armed], params: u32(CC.NV_ChangeAuth) })
  const change = { handles: [INDEX], params: tpm2b(fresh), auths: [session(armed), session(salted, { flags: 0x21 })] }
  await witness.must('NV_ChangeAuth', change)
  for (const secret of [old, fresh]) assert.equal(proxy.seen(secret), [])
  // nobody could write it, so it has no usable authValue
  const use = {
    handles: [INDEX, armed],
    params: [EMPTY, EMPTY, EMPTY, i32(0)],
    auths: [session(salted, { auth: fresh })],
  }
  assert.is(await witness.rc('PolicySecret', use), 0x12f)
  await stop()
})

test('what another client loaded can be used and flushed', async () => {
  const { proxy, witness, run, stop } = await bench()
  const srk = (
    await run('CreatePrimary', { handles: [RH.owner], params: create(eccStorage()), auths: [password()] })
  ).u32()
  const salted = (await witness.start('hmac', { salt: srk })).handle
  const other = await startWitness(proxy.attackerPath)
  assert.is(await other.rc('ReadPublic', { handles: [srk] }), 0)
  const params = concat(sensitive(), eccKey(), EMPTY, u32(0))
  assert.is((await other.rc('Create', { handles: [srk], params, auths: [none, none, session(salted)] })) !== 0, true)
  assert.is(await other.flush(srk), 0)
  assert.is(await other.flush(salted), 0)
  await other.close()
  assert.is(NULL_HASHCHECK.length, 8)
  await stop()
})

test.run()
