// takes: 2 s
// Under sessions nonces and HMACs differ from run to run; everything else that we send is what ESAPI sends, and the TPM
// gives both the same.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CC, type CommandName } from '../support/codes.ts'
import { create, eccKey, NV, nvPublic, OBJECT, RH, rsaStorage, sealed, signDigest } from '../support/templates.ts'
import { answerOutput, ascii, concat, EMPTY, hex, i32, parseCommand, Reader, tpm2b, u32 } from '../support/wire.ts'
import { session } from '../support/witness.ts'
import { type Pair, readCreated, startPair } from './support/pair.ts'
import { by, call, pw, type StorageKey, salted, storageKey } from './support/rig.ts'

const INDEX = 0x01800200
const OWNER_AUTH = ascii('the owner')
const INDEX_AUTH = ascii('authValue of thirty-two octets..')

/** What does not change from run to run in a command. */
function fixedPart(octets: Uint8Array, encrypted: boolean) {
  const { code, handles, sessions, params } = parseCommand(octets)
  const clear = encrypted ? `${params.length} octets` : hex(params)
  return {
    code,
    handles,
    clear,
    sessions: sessions.map(({ nonce, flags, hmac }) => [nonce.length, flags, hmac.length]),
  }
}

interface Under {
  readonly handles: readonly number[]
  readonly names: readonly Uint8Array[]
  readonly params: Uint8Array
  /** Sessions in their order: ours and the witness's, the flags, the authValue of what it authorises. */
  readonly sessions: readonly { ours: number; theirs: number; flags?: number; auth?: Uint8Array }[]
  readonly undo?: () => Promise<unknown>
}

async function both(pair: Pair, name: CommandName, under: Under): Promise<{ ours: Reader; theirs: Reader }> {
  const { handles, names, params, sessions } = under
  const auths = sessions.map(({ ours, flags, auth }) => by(ours, flags, auth))
  const ours = await call(pair.tpm, name, { handles, names, params, auths })
  const product = pair.said('product', name)
  await under.undo?.()
  const theirs = await pair.witness.must(name, {
    handles,
    params,
    auths: sessions.map(({ theirs: handle, flags, auth }) =>
      session(handle, { ...(flags === undefined ? {} : { flags }), ...(auth === undefined ? {} : { auth }) }),
    ),
  })
  const attacker = pair.said('attacker', name)
  const encrypted = sessions.some(({ flags = 0 }) => (flags & 0x20) !== 0)
  const theirPart = fixedPart(attacker.command, encrypted)
  assert.equal(fixedPart(product.command, encrypted), theirPart, name)
  assert.equal(
    parseCommand(product.command).sessions.map(({ handle }) => handle),
    sessions.map(({ ours: handle }) => handle),
  )
  const outputs = [product, attacker].map(({ answer }) => answerOutput(CC[name], answer).length)
  assert.is(outputs[0], outputs[1], `${name}: size of the answer`)
  return { ours, theirs }
}

async function withKey(work: (pair: Pair, key: StorageKey) => Promise<void>): Promise<void> {
  const pair = await startPair()
  await work(pair, await storageKey(pair.tpm))
  await pair.stop()
}

/** A session of each side: salted, of the same kind. */
async function sessionsOf(pair: Pair, key: StorageKey, kind: 'hmac' | 'policy') {
  const ours = await salted(pair.tpm, key, kind === 'policy')
  const sym = kind === 'hmac' ? 'aes128cfb' : 'null'
  const theirs = await pair.witness.start(kind, { salt: key.handle, sym, nonce: new Uint8Array(16).fill(1) })
  return { ours: ours.handle, theirs: theirs.handle }
}

test('StartAuthSession: unsalted, salted to P-256, salted to RSA-2048', () =>
  withKey(async (pair, ecc) => {
    const rsa = await storageKey(pair.tpm, rsaStorage())
    for (const kind of ['hmac', 'policy'] as const) {
      for (const key of [undefined, ecc, rsa]) {
        const options = key === undefined ? {} : { saltKey: key.handle, saltPublic: key.area }
        const ours = await pair.tpm.startSession({ policy: kind === 'policy', ...options })
        assert.is(ours.nonceTpm.length, 16)
        assert.equal(pair.tpm.nonceTpm(ours.handle), ours.nonceTpm)
        const salt = key === undefined ? {} : { salt: key.handle }
        const sym = kind === 'hmac' ? 'aes128cfb' : 'null'
        const theirs = await pair.witness.start(kind, { ...salt, sym, nonce: new Uint8Array(16) })
        const [mine, esapi] = (['product', 'attacker'] as const).map((side) => {
          const { handles, params } = parseCommand(pair.said(side, 'StartAuthSession').command)
          const reader = new Reader(params)
          const sizes = [reader.tpm2b().length, reader.tpm2b().length]
          return { handles, sizes, rest: hex(reader.rest()) }
        })
        assert.equal(mine, esapi)
        await call(pair.tpm, 'FlushContext', { handles: [ours.handle] })
        await pair.witness.flush(theirs.handle)
      }
    }
  }))

test('the owner by HMAC session, a new authValue encrypted', () =>
  withKey(async (pair, key) => {
    const change = { handles: [RH.owner], auths: [pw()], params: tpm2b(OWNER_AUTH) }
    await call(pair.tpm, 'HierarchyChangeAuth', change)
    const attributes = NV.ownerRead | NV.authRead | NV.authWrite | NV.noDa
    const undefine = { handles: [RH.owner, INDEX], auths: [pw(OWNER_AUTH)] }
    const hmac = await sessionsOf(pair, key, 'hmac')
    await both(pair, 'NV_DefineSpace', {
      handles: [RH.owner],
      names: [],
      params: concat(tpm2b(INDEX_AUTH), nvPublic(INDEX, attributes)),
      sessions: [{ ...hmac, flags: 0x21, auth: OWNER_AUTH }],
      undo: () => call(pair.tpm, 'NV_UndefineSpace', undefine),
    })
    assert.equal(pair.proxy.seen(INDEX_AUTH), [], 'the authValue is nowhere on the wire')

    // the Name of an index takes part in the HMAC
    const read = (await call(pair.tpm, 'NV_ReadPublic', { handles: [INDEX] })).rest()
    const name = new Reader(read)
    name.tpm2b()
    const policy = (await pair.witness.start('policy')).handle // ESAPI knows the Names of its own sessions only
    const params = concat(EMPTY, EMPTY, EMPTY, i32(0))
    await both(pair, 'PolicySecret', {
      handles: [INDEX, policy],
      names: [name.tpm2b()],
      params,
      sessions: [{ ...hmac, auth: INDEX_AUTH }],
    })
  }))

test('NV_ChangeAuth: a policy session and, for the new secret, an HMAC session beside it', () =>
  withKey(async (pair, key) => {
    const digest = await policyOf(pair, CC.NV_ChangeAuth)
    const attributes = NV.authRead | NV.authWrite | NV.noDa | NV.policyWrite
    const define = { handles: [RH.owner], auths: [pw()] }
    await call(pair.tpm, 'NV_DefineSpace', { ...define, params: concat(EMPTY, nvPublic(INDEX, attributes, digest)) })
    const name = new Reader((await call(pair.tpm, 'NV_ReadPublic', { handles: [INDEX] })).rest())
    name.tpm2b()
    const one = { params: u32(CC.NV_ChangeAuth) }

    // A bare TPM has room for three sessions: one side after the other.
    const mine = [await salted(pair.tpm, key, true), await salted(pair.tpm, key)].map(({ handle }) => handle)
    const [policy = 0, hmac = 0] = mine
    await call(pair.tpm, 'PolicyCommandCode', { ...one, handles: [policy] })
    const auths = [by(policy), by(hmac, 0x21)]
    const change = { handles: [INDEX], names: [name.tpm2b()], params: tpm2b(INDEX_AUTH), auths }
    await call(pair.tpm, 'NV_ChangeAuth', change)
    for (const handle of mine) await call(pair.tpm, 'FlushContext', { handles: [handle] })

    const nonce = new Uint8Array(16)
    const armed = (await pair.witness.start('policy', { salt: key.handle, nonce })).handle
    const ciphers = (await pair.witness.start('hmac', { salt: key.handle, sym: 'aes128cfb', nonce })).handle
    await pair.witness.must('PolicyCommandCode', { ...one, handles: [armed] })
    await pair.witness.must('NV_ChangeAuth', {
      handles: [INDEX],
      params: tpm2b(INDEX_AUTH),
      auths: [session(armed), session(ciphers, { flags: 0x21 })],
    })
    const [ours, theirs] = (['product', 'attacker'] as const).map((side) => pair.said(side, 'NV_ChangeAuth').command)
    assert.equal(fixedPart(ours ?? nonce, true), fixedPart(theirs ?? nonce, true))
    assert.equal(pair.proxy.seen(INDEX_AUTH), [])
  }))

test('a secret goes in encrypted and comes out encrypted', () =>
  withKey(async (pair, key) => {
    const hmac = await sessionsOf(pair, key, 'hmac')
    const secret = ascii('what is sealed')
    const made = await both(pair, 'Create', {
      handles: [key.handle],
      names: [key.name],
      params: create(sealed(), INDEX_AUTH, secret),
      sessions: [{ ...hmac, flags: 0x61 }],
    })
    // each side's own box, opened by the other side's session too
    for (const box of [made.ours, made.theirs]) {
      const params = readCreated(box).blob
      const loaded = await call(pair.tpm, 'Load', { handles: [key.handle], auths: [pw()], params })
      const handle = loaded.u32()
      const { ours, theirs } = await both(pair, 'Unseal', {
        handles: [handle],
        names: [loaded.tpm2b()],
        params: new Uint8Array(0),
        sessions: [{ ...hmac, flags: 0x41, auth: INDEX_AUTH }],
      })
      assert.equal(ours.tpm2b(), secret)
      assert.equal(theirs.tpm2b(), secret)
      await call(pair.tpm, 'FlushContext', { handles: [handle] })
    }
    assert.equal(pair.proxy.seen(secret), [])
    assert.equal(pair.proxy.seen(INDEX_AUTH), [])
  }))

test('a signature by policy session: kept, and ended by its use', () =>
  withKey(async (pair, key) => {
    const digest = await policyOf(pair, CC.Sign)
    const attributes = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.noDa | OBJECT.sign
    const template = create(eccKey({ attributes, policy: digest }))
    const made = await call(pair.tpm, 'Create', { handles: [key.handle], auths: [pw()], params: template })
    const params = readCreated(made).blob
    const loaded = await call(pair.tpm, 'Load', { handles: [key.handle], auths: [pw()], params })
    const handle = loaded.u32()
    const name = loaded.tpm2b()
    const policy = await sessionsOf(pair, key, 'policy')
    for (const flags of [1, 0]) {
      const one = { params: u32(CC.Sign) }
      await call(pair.tpm, 'PolicyCommandCode', { ...one, handles: [policy.ours] })
      await pair.witness.must('PolicyCommandCode', { ...one, handles: [policy.theirs] })
      await both(pair, 'Sign', {
        handles: [handle],
        names: [name],
        params: signDigest(new Uint8Array(32).fill(flags)),
        sessions: [{ ...policy, flags }],
      })
    }
    assert.is(pair.tpm.nonceTpm(policy.ours).length, 0, 'forgotten here')
    const reader = await call(pair.tpm, 'GetCapability', { params: concat(u32(1), u32(0x02000000), u32(8)) })
    assert.is(hex(reader.rest()).slice(-8), '00000000', 'gone from the TPM')
  }))

/** Digest of a policy that is PolicyCommandCode alone. */
async function policyOf(pair: Pair, code: number): Promise<Uint8Array> {
  const { handle } = await pair.witness.start('trial')
  await pair.witness.must('PolicyCommandCode', { handles: [handle], params: u32(code) })
  const digest = (await pair.witness.must('PolicyGetDigest', { handles: [handle] })).tpm2b()
  await pair.witness.flush(handle)
  return digest
}

test.run()
