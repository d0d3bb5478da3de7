// takes: 3 s
// Command by command: what our layer sends is what ESAPI sends, octet by octet, and what it returns is what the TPM said.
// Authorisation is by password here, so that nothing is left to chance; sessions are in parity-sessions.test.ts.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CC } from '../support/codes.ts'
import {
  ALG,
  create,
  eccKey,
  eccStorage,
  NV,
  nvPublic,
  nvWrite,
  OBJECT,
  RH,
  rsaKey,
  sealed,
  signDigest,
  text2b,
} from '../support/templates.ts'
import { ascii, concat, EMPTY, i32, parseCommand, Reader, tpm2b, u8, u16, u32 } from '../support/wire.ts'
import { session } from '../support/witness.ts'
import { type Pair, readCreated, startPair } from './support/pair.ts'
import { call, failureOf, pw } from './support/rig.ts'

const SRK = 0x81000200
const INDEX = 0x01800200
const NONE = new Uint8Array(0)
const INDEX_AUTH = ascii('index')
const owner = { handles: [RH.owner], passwords: [NONE] }
const covered = new Set<string>()

const sha256 = (...parts: Uint8Array[]): Uint8Array =>
  new Uint8Array(
    createHash('sha256')
      .update(concat(...parts))
      .digest(),
  )

/** A test with a pair of its own, in which `SRK` is a persistent storage key. */
function parity(name: string, work: (pair: Pair) => Promise<void>): void {
  test(name, async () => {
    const pair = await startPair()
    const primary = (await pair.witness.must('CreatePrimary', { ...ownerAuth(), params: create(eccStorage()) })).u32()
    await pair.witness.must('EvictControl', {
      handles: [RH.owner, primary],
      params: u32(SRK),
      auths: ownerAuth().auths,
    })
    await pair.witness.flush(primary)
    await work(pair)
    for (const used of pair.used) covered.add(used)
    await pair.stop()
  })
}

const ownerAuth = () => ({ handles: [RH.owner], auths: [{ token: 'pw:' }] })
const flushed = (pair: Pair) => (output: Uint8Array) =>
  call(pair.tpm, 'FlushContext', { handles: [new Reader(output).u32()] })
/** Loads a key that stays. */
const load = async (pair: Pair, blob: Uint8Array) =>
  (await call(pair.tpm, 'Load', { handles: [SRK], params: blob, auths: [pw()] })).u32()
const flush = (pair: Pair, handle: number) => call(pair.tpm, 'FlushContext', { handles: [handle] })

parity('start-up, random numbers, clock and capabilities', async ({ tpm, witness, both, used, said }) => {
  assert.is((await failureOf(call(tpm, 'Startup', { params: u16(0) }))).rc, 0x100, 'started already')
  await witness.must('Startup', { params: u16(0) }) // ESAPI takes that for success
  assert.equal(said('product', 'Startup').command, said('attacker', 'Startup').command)
  used.add('Startup')
  await both('Shutdown', { params: u16(0) })
  await both('GetTestResult')
  await both('GetRandom', { params: u16(8) }, { output: 'alike' })
  await both('ReadClock', {}, { output: 'alike' })
  const questions = [
    [0, 1, 64], // algorithms
    [1, RH.owner, 8], // handles
    [1, 0x81000000, 8],
    [2, 0x120, 64], // commands
    [5, 0, 8], // PCRs
    [6, 0x100, 64], // properties
    [8, 0, 8], // curves
  ]
  for (const question of questions) await both('GetCapability', { params: concat(...question.map(u32)) })
})

parity('objects: primary, ordinary, external, sealed', async (pair) => {
  const { both, witness } = pair
  const gone = async (output: Uint8Array) => {
    await flushed(pair)(output)
  }
  await both('CreatePrimary', { ...owner, params: create(eccStorage()) }, { undo: gone })
  await both('CreatePrimary', { ...owner, params: create(rsaKey()) }, { undo: gone })
  await witness.reset()
  await both('ReadPublic', { handles: [SRK] })

  const key = readCreated(
    await both('Create', { handles: [SRK], params: create(eccKey()), passwords: [NONE] }, { output: 'alike' }),
  )
  await both('Load', { handles: [SRK], params: key.blob, passwords: [NONE] }, { undo: gone })
  await witness.reset()
  const publicArea = new Reader(key.blob)
  publicArea.tpm2b()
  const external = concat(EMPTY, publicArea.tpm2bWhole(), u32(RH.owner))
  await both('LoadExternal', { params: external }, { undo: gone })
  await witness.reset()

  const box = readCreated(
    await both(
      'Create',
      { handles: [SRK], params: create(sealed(), ascii('auth'), ascii('secret')), passwords: [NONE] },
      { output: 'alike' },
    ),
  )
  const handle = await load(pair, box.blob)
  const unsealed = await both('Unseal', { handles: [handle], passwords: [ascii('auth')] })
  assert.equal(unsealed.tpm2b(), ascii('secret'))
  await both('FlushContext', { handles: [handle] }, { undo: () => load(pair, box.blob) })

  const primary = (await witness.must('CreatePrimary', { ...ownerAuth(), params: create(eccStorage()) })).u32()
  const evict = { handles: [RH.owner, primary], params: u32(SRK + 1), passwords: [NONE] }
  const undo = () =>
    call(pair.tpm, 'EvictControl', { handles: [RH.owner, SRK + 1], params: u32(SRK + 1), auths: [pw()] })
  await both('EvictControl', evict, { undo })
})

parity('keys: sign, verify, agree, decrypt, certify', async (pair) => {
  const { both } = pair
  const key = readCreated(await call(pair.tpm, 'Create', { handles: [SRK], params: create(eccKey()), auths: [pw()] }))
  const signer = await load(pair, key.blob)
  const digest = new Uint8Array(32).fill(7)
  const sign = { handles: [signer], params: signDigest(digest), passwords: [NONE] }
  const signature = (await both('Sign', sign, { output: 'alike' })).rest()
  await both('VerifySignature', { handles: [signer], params: concat(tpm2b(digest), signature) })
  const agreed = await pair.witness.must('ECDH_KeyGen', { handles: [signer] })
  const z = agreed.tpm2bWhole()
  const same = await both('ECDH_ZGen', { handles: [signer], params: agreed.rest(), passwords: [NONE] })
  assert.equal(same.rest(), z)
  const scheme = concat(u16(ALG.ecdsa), u16(ALG.sha256))
  await both(
    'CertifyCreation',
    {
      handles: [signer, signer],
      params: concat(EMPTY, key.creationHash, scheme, key.creationTicket),
      passwords: [NONE],
    },
    { output: 'alike' },
  )
  const certify = { handles: [signer, signer], params: concat(EMPTY, scheme), passwords: [NONE, NONE] }
  await both('Certify', certify, { output: 'alike' })
  const name = new Reader((await call(pair.tpm, 'ReadPublic', { handles: [signer] })).rest())
  name.tpm2b()
  const secret = ascii('a secret for this key')
  const challenge = { handles: [SRK], params: concat(tpm2b(secret), name.tpm2bWhole()) }
  const credential = (await pair.witness.must('MakeCredential', challenge)).rest()
  const activate = { handles: [signer, SRK], params: credential, passwords: [NONE, NONE] }
  assert.equal((await both('ActivateCredential', activate)).tpm2b(), secret)
  await flush(pair, signer)

  const made = readCreated(await call(pair.tpm, 'Create', { handles: [SRK], params: create(rsaKey()), auths: [pw()] }))
  const rsa = await load(pair, made.blob)
  const block = tpm2b(new Uint8Array(256).fill(1))
  await both('RSA_Decrypt', { handles: [rsa], params: concat(block, u16(ALG.null), EMPTY), passwords: [NONE] })
})

parity('a key that comes in from outside', async (pair) => {
  const { both, witness } = pair
  const policy = (await witness.start('policy')).handle
  await witness.must('PolicyCommandCode', { handles: [policy], params: u32(CC.Duplicate) })
  const leaves = (await witness.must('PolicyGetDigest', { handles: [policy] })).tpm2b()
  const attributes = OBJECT.userWithAuth | OBJECT.sensitiveDataOrigin | OBJECT.noDa | OBJECT.sign
  const template = create(eccKey({ attributes, policy: leaves }))
  const key = readCreated(await call(pair.tpm, 'Create', { handles: [SRK], params: template, auths: [pw()] }))
  const mover = (await witness.must('Load', { handles: [SRK], params: key.blob, auths: [{ token: 'pw:' }] })).u32()
  const out = { handles: [mover, RH.null], params: concat(EMPTY, u16(ALG.null)), auths: [session(policy)] }
  const wrapped = await witness.must('Duplicate', out)
  wrapped.tpm2b()
  const blob = new Reader(key.blob)
  blob.tpm2b()
  const params = concat(EMPTY, blob.tpm2bWhole(), wrapped.tpm2bWhole(), EMPTY, u16(ALG.null))
  await both('Import', { handles: [SRK], params, passwords: [NONE] }, { output: 'alike' })
})

parity('an index', async (pair) => {
  const { both, witness } = pair
  const attributes = NV.ownerWrite | NV.authWrite | NV.ownerRead | NV.authRead | NV.noDa
  const undefine = { handles: [RH.owner, INDEX], auths: ownerAuth().auths }
  const define = { ...owner, params: concat(tpm2b(INDEX_AUTH), nvPublic(INDEX, attributes)) }
  await both('NV_DefineSpace', define, { undo: () => witness.must('NV_UndefineSpace', undefine) })
  await both('NV_ReadPublic', { handles: [INDEX] })
  const data = ascii('8 octets')
  await both('NV_Write', { handles: [INDEX, INDEX], params: nvWrite(data), passwords: [INDEX_AUTH] })
  const read = await both('NV_Read', { handles: [RH.owner, INDEX], params: concat(u16(8), u16(0)), passwords: [NONE] })
  assert.equal(read.tpm2b(), data)
  const key = readCreated(await call(pair.tpm, 'Create', { handles: [SRK], params: create(eccKey()), auths: [pw()] }))
  const signer = await load(pair, key.blob)
  const params = concat(EMPTY, u16(ALG.ecdsa), u16(ALG.sha256), u16(8), u16(0))
  const certify = { handles: [signer, RH.owner, INDEX], params, passwords: [NONE, NONE] }
  await both('NV_Certify', certify, { output: 'alike' })
  await flush(pair, signer)
  const again = () => call(pair.tpm, 'NV_DefineSpace', { handles: [RH.owner], params: define.params, auths: [pw()] })
  await both('NV_UndefineSpace', { handles: [RH.owner, INDEX], passwords: [NONE] }, { undo: again })
})

parity('policies', async (pair) => {
  const { both, witness } = pair
  const attributes = NV.ownerWrite | NV.authWrite | NV.ownerRead | NV.authRead | NV.noDa
  const define = { ...ownerAuth(), params: concat(tpm2b(INDEX_AUTH), nvPublic(INDEX, attributes)) }
  await witness.must('NV_DefineSpace', define)
  const indexName = (await call(pair.tpm, 'NV_ReadPublic', { handles: [INDEX] })).rest()
  const name = new Reader(indexName)
  name.tpm2b()
  const key = readCreated(await call(pair.tpm, 'Create', { handles: [SRK], params: create(eccKey()), auths: [pw()] }))
  const signer = await load(pair, key.blob)
  const signerName = new Reader((await call(pair.tpm, 'ReadPublic', { handles: [signer] })).rest())
  signerName.tpm2b()
  const sign = async (digest: Uint8Array) =>
    (await call(pair.tpm, 'Sign', { handles: [signer], params: signDigest(digest), auths: [pw()] })).rest()

  const policy = await pair.tpm.startSession({ policy: true })
  const one = { handles: [policy.handle] }
  const restart = () => call(pair.tpm, 'PolicyRestart', one)
  const step = (command: Parameters<Pair['both']>[0], params: Uint8Array = NONE) =>
    both(command, { ...one, params }, { undo: restart })

  const secret = await both(
    'PolicySecret',
    {
      handles: [INDEX, policy.handle],
      params: concat(tpm2b(policy.nonceTpm), EMPTY, text2b('use'), i32(-600)),
      passwords: [INDEX_AUTH],
    },
    { undo: restart, output: 'free' },
  )
  const timeout = secret.tpm2bWhole()
  await restart()
  await step('PolicyTicket', concat(timeout, EMPTY, text2b('use'), name.tpm2bWhole(), secret.rest()))
  await restart()
  const signed = await sign(sha256(policy.nonceTpm, i32(0), ascii('ref')))
  const bySignature = concat(tpm2b(policy.nonceTpm), EMPTY, text2b('ref'), i32(0), signed)
  await both('PolicySigned', { handles: [signer, policy.handle], params: bySignature }, { undo: restart })
  await both('PolicyRestart', one)
  await step('PolicyNvWritten', u8(1))
  await restart()
  await step('PolicyCpHash', tpm2b(new Uint8Array(32)))
  await restart()
  await step('PolicyCommandCode', u32(CC.NV_Write))
  const approved = (await both('PolicyGetDigest', one)).tpm2b()
  const proof = await call(pair.tpm, 'VerifySignature', {
    handles: [signer],
    params: concat(tpm2b(sha256(approved, ascii('P'))), await sign(sha256(approved, ascii('P')))),
  })
  const again = async () => {
    await restart()
    await call(pair.tpm, 'PolicyCommandCode', { ...one, params: u32(CC.NV_Write) })
  }
  const authorize = concat(tpm2b(approved), text2b('P'), signerName.tpm2bWhole(), proof.rest())
  await both('PolicyAuthorize', { ...one, params: authorize }, { undo: again })
})

parity('what the owner may do', async (pair) => {
  const { both, witness } = pair
  const back = () =>
    witness.must('HierarchyChangeAuth', { ...ownerAuth(), params: EMPTY, auths: [{ token: 'pw:6f776e6572' }] })
  await both('HierarchyChangeAuth', { ...owner, params: text2b('owner') }, { undo: back })
  await back()
  await both('DictionaryAttackLockReset', { handles: [RH.lockout], passwords: [NONE] })
})

test('every row of the table in native/tpm/commands.cc was compared', () => {
  const source = readFileSync(new URL('../../native/tpm/commands.cc', import.meta.url), 'utf8')
  const table = source.slice(source.indexOf('const std::array kCommands'), source.indexOf('#undef ROW'))
  const rows = [...table.matchAll(/\bROW\((\w+),/g)].map((match) => match[1] ?? '')
  assert.ok(rows.length > 30)
  // These two are sent under sessions, or make one: parity-sessions.test.ts.
  const elsewhere = ['NV_ChangeAuth', 'StartAuthSession']
  assert.equal(
    rows.filter((row) => !covered.has(row)).sort(),
    elsewhere.filter((row) => rows.includes(row)),
  )
})

test('the parts of a command are what the test support says', () => {
  const { code, handles, sessions, params } = parseCommand(
    concat(u16(0x8002), u32(32), u32(CC.Unseal), u32(SRK), u32(9), u32(0x40000009), EMPTY, u8(1), EMPTY),
  )
  assert.equal([code, handles, sessions.length, params.length], [CC.Unseal, [SRK], 1, 0])
})

test.run()
